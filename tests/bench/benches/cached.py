"""cached large file, plain, 1 and 16 streams: against nginx static and proxy_cache"""
from bench import check_content
from benches.common import BIG, nginx_static, warm
from servers import nginx_cache


def measure(bench) -> list[dict]:
    with warm(bench) as (origin, ours):
        path = origin.at_commit(BIG)
        # nginx serves hubkeep's own blob, so that both send the same pages of the page cache.
        blob = {path: ours.blob(origin.sha256[BIG])}
        with bench.peers(lambda: nginx_static(bench, ours, blob),
                         lambda: nginx_cache(bench.fresh("cache"), ours.port)) as peers:
            for server in peers:
                check_content(server, path, origin.sha256[BIG])

            def sides(servers, **options):
                return {it.name: lambda it=it: bench.ask(it, "GET", path, length=bench.size,
                                                         **options) for it in servers}
            one = bench.row("1 stream", "stream", sides([ours, *peers], requests=2))
            # Sixteen times the file take so long that three rounds have to do.
            many = bench.row("16 streams", "stream",
                             sides([ours, *peers[:1]], connections=16, requests=1), rounds=3)
            return [one, many]
