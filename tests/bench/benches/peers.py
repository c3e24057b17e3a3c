"""cached large and small files through Varnish, Squid and Olah"""
from bench import MIB, check_content, fetch
from benches.common import SMALL, warm
from peers import olah, squid, varnish

SIZE = 256 * MIB  # the slowest of them needs a second for it


def measure(bench) -> list[dict]:
    size = min(SIZE, bench.size)
    (name, path), = bench.files(1, size).items()
    with warm(bench, {name: path}) as (origin, ours):
        big, small = origin.at_commit(name), origin.at_commit(SMALL)
        with bench.peers(lambda: varnish(bench, ours.port), lambda: squid(bench, ours.port),
                         lambda: olah(bench, origin)) as found:
            for server in found:
                for _ in range(2):
                    check_content(server, big, origin.sha256[name])
                fetch(server, small)

            def row(label, kind, method, target, rounds, **options):
                return bench.row(label, kind, {
                    it.name: lambda it=it: bench.ask(it, method, target, **options)
                    for it in (ours, *found)}, rounds)
            return [row(f"cached {size // MIB} MiB, 1 stream", "stream", "GET", big, 3, requests=1,
                        length=size),
                    row("cached GET of 1 KiB, 64 connections", "requests", "GET", small, 3,
                        connections=64, seconds=bench.seconds / 2),
                    row("cached HEAD of 1 KiB, 64 connections", "requests", "HEAD", small, 3,
                        connections=64, seconds=bench.seconds / 2)]
