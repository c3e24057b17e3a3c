"""5,000 idle connections, plain and TLS: memory of each, against nginx"""
from benches.common import SMALL
from origin import Origin
from servers import Hubkeep, certificate, nginx_cache

CONNECTIONS = 5000


def hold(bench, server, target: str, tls: bool, count: int) -> dict:
    """Each connection has asked once, as one that is kept alive has."""
    bench.ask(server, "HEAD", target, requests=3, connections=8, tls=tls)
    before = server.memory()
    with bench.asking(server, "HEAD", target, connections=count, requests=1, hold=True,
                      tls=tls) as client:
        client.wait_until_it_holds()
        during = server.memory()
        client.result()
    return {"connections": count, "before": before["RssAnon"], "during": during["RssAnon"],
            "each": (during["RssAnon"] - before["RssAnon"]) / count}


def measure(bench) -> list[dict]:
    count = 100 if bench.smoke else CONNECTIONS
    rows = []
    with Origin(bench, bench.files(1, 2**20)) as origin:
        path = origin.at_commit(SMALL)
        for name, tls in (("plain", None), ("TLS", certificate(bench.folder / "certificate"))):
            # A proxy needs a plain server behind it, and both need new processes to be counted.
            with Hubkeep(bench, bench.fresh("behind"), origin.url) as behind:
                def ours():
                    with Hubkeep(bench, bench.fresh("idle"), origin.url, **(tls or {})) as server:
                        return hold(bench, server, path, bool(tls), count)

                def theirs():
                    with nginx_cache(bench.fresh("cache"), behind.port, tls=tls) as server:
                        return hold(bench, server, path, bool(tls), count)

                rows.append(bench.row(name, "idle", {"hubkeep": ours, "nginx proxy_cache": theirs},
                                      rounds=3))
    return rows
