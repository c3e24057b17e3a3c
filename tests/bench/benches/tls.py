"""cached large file over TLS 1.3: against nginx static with the same cipher"""
from benches.common import BIG, nginx_static, warm
from origin import Origin
from servers import Hubkeep, certificate


def measure(bench) -> list[dict]:
    tls = certificate(bench.folder / "certificate")
    # Filled over plain HTTP, and then started again with a certificate on the same data.
    with warm(bench) as (origin, ours):
        path, blob = origin.at_commit(BIG), ours.blob(origin.sha256[BIG])
        theirs = nginx_static(bench, ours, {path: blob}, tls=tls)
    with theirs, Origin(bench, {BIG: bench.big}) as origin, \
            Hubkeep(bench, bench.folder / "warm", origin.url, **tls) as ours:
        def sides(**options):
            return {it.name: lambda it=it: bench.ask(it, "GET", path, length=bench.size, tls=True,
                                                     **options) for it in (ours, theirs)}
        return [bench.row("1 stream", "tls", sides(requests=1)),
                bench.row("4 streams", "tls", sides(connections=4, requests=1), rounds=2)]
