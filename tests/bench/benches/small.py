"""cached HEAD and GET of 1 KiB, 64 connections: against nginx proxy_cache and Olah"""
from bench import BenchError, fetch
from benches.common import SMALL, warm
from origin import MAIN
from peers import olah
from servers import nginx_cache


def measure(bench) -> list[dict]:
    with warm(bench, bench.files(1, 2**20)) as (origin, ours):
        at_commit, at_main = origin.at_commit(SMALL), MAIN + SMALL
        with bench.peers(lambda: nginx_cache(bench.fresh("cache"), ours.port),
                         lambda: olah(bench, origin)) as peers:
            for server in peers:  # not measured: fills what they have
                for path in (at_commit, at_main):
                    if fetch(server, path) != fetch(ours, path):
                        raise BenchError(f"{server.name} has other bytes for {path}")

            def row(name, method, path, servers, rounds=None):
                return bench.row(name, "requests", {
                    it.name: lambda it=it: bench.ask(it, method, path, connections=64,
                                                     seconds=bench.seconds) for it in servers},
                    rounds)
            fast = [ours, *(it for it in peers if it.name != "Olah")]
            slow = [ours, *(it for it in peers if it.name == "Olah")]  # seconds for an answer
            return [row("HEAD at a commit", "HEAD", at_commit, fast),
                    row("GET at a commit", "GET", at_commit, fast),
                    row("HEAD at main", "HEAD", at_main, fast),
                    row("HEAD, Olah", "HEAD", at_commit, slow, 2),
                    row("GET, Olah", "GET", at_commit, slow, 2)]
