"""HEAD while 16 large streams run on the same core: p99, against nginx proxy_cache"""
from bench import check_content
from benches.common import BIG, SMALL, warm
from servers import nginx_cache

STREAMS = 16
HEAD_CONNECTIONS = 4


def beside_streams(bench, server, big: str, small: str) -> dict:
    """Whoever asks for HEADs goes before the streams on the clients' core, so that it is the
    server's delay that is seen."""
    seconds = 2 * bench.seconds
    with bench.asking(server, "GET", big, connections=STREAMS, requests=1000) as streams:
        bench.ask(server, "HEAD", small, requests=20)  # not measured: by now the streams run
        sample = bench.ask(server, "HEAD", small, connections=HEAD_CONNECTIONS, seconds=seconds,
                           ahead=True)
        streams.check_it_runs()
    return sample


def measure(bench) -> list[dict]:
    with warm(bench) as (origin, ours):
        big, small = origin.at_commit(BIG), origin.at_commit(SMALL)
        with nginx_cache(bench.fresh("cache"), ours.port) as theirs:
            check_content(theirs, big, origin.sha256[BIG])
            for server in (ours, theirs):
                bench.ask(server, "GET", small, requests=1)
            servers = (ours, theirs)
            loaded = bench.row("beside 16 streams", "latency", {
                it.name: lambda it=it: beside_streams(bench, it, big, small) for it in servers})
            alone = bench.row("alone", "latency", {
                it.name: lambda it=it: bench.ask(it, "HEAD", small, seconds=bench.seconds,
                                                 connections=HEAD_CONNECTIONS, ahead=True)
                for it in servers}, rounds=3)
            return [loaded, alone]
