"""10,000 idle connections, 2,000 slow readers, 50 clients x 8 connections x 100 files: memory, p99"""
from bench import MIB
from benches.common import BIG, SMALL, warm
from servers import nginx_cache

IDLE, SLOW, SLOW_RATE = 10_000, 2_000, 64 * 1024
CLIENTS, CONNECTIONS, FILES, FILE_SIZE = 50, 8, 100, 4 * MIB
HEAD_CONNECTIONS = 4


def heads(bench, server, path: str) -> dict:
    return bench.ask(server, "HEAD", path, connections=HEAD_CONNECTIONS, seconds=bench.seconds,
                     ahead=True)


def beside_idle(bench, server, small: str, count: int) -> dict:
    before = server.memory()
    with bench.asking(server, "HEAD", small, connections=count, requests=1, hold=True) as client:
        client.wait_until_it_holds()
        sample = heads(bench, server, small)
        client.result()
    return sample | grown(server, before, count)


def beside_slow(bench, server, big: str, small: str, count: int) -> dict:
    before = server.memory()
    with bench.asking(server, "GET", big, connections=count, rate=SLOW_RATE,
                      seconds=3 * bench.seconds) as client:
        bench.ask(server, "HEAD", small, requests=20)
        sample = heads(bench, server, small)
        during = grown(server, before, count)
        client.result()
    return sample | during


def crowd(bench, server, lines: list[str], clients: int) -> dict:
    before = server.memory()
    sample = bench.ask(server, "GET", bench.plan(lines), connections=clients * CONNECTIONS,
                       stride=CONNECTIONS)
    return sample | grown(server, before, clients * CONNECTIONS)


def grown(server, before: dict, count: int) -> dict:
    now = server.memory()
    return {"connections": count, "memory": now, "grown": now["RssAnon"] - before["RssAnon"]}


def plan(origin, files, size: int) -> list[str]:
    """Every file in as many parts as a client has connections, one for each."""
    part = size // CONNECTIONS
    return [f"{origin.at_commit(name)} {it * part}-{(it + 1) * part - 1}"
            for name in files for it in range(CONNECTIONS)]


def measure(bench) -> list[dict]:
    idle, slow, clients, count = (200, 50, 2, 4) if bench.smoke else (IDLE, SLOW, CLIENTS, FILES)
    size = min(FILE_SIZE, bench.size // count)
    files = bench.pieces(count, size)
    with warm(bench, files | {BIG: bench.big}, limits_connections="11000") as (origin, ours):
        big, small = origin.at_commit(BIG), origin.at_commit(SMALL)
        lines = plan(origin, files, size)
        with nginx_cache(bench.fresh("cache"), ours.port) as theirs:
            for server in (ours, theirs):  # not measured: what is asked for comes into the store
                for path in (big, small, *(origin.at_commit(it) for it in files)):
                    bench.ask(server, "GET", path, requests=1)

            def row(name, run):
                return bench.row(name, "many", {it.name: lambda it=it: run(it)
                                                for it in (ours, theirs)}, rounds=2)
            return [row(f"{idle:,} idle", lambda it: beside_idle(bench, it, small, idle)),
                    row(f"{slow:,} slow readers",
                        lambda it: beside_slow(bench, it, big, small, slow)),
                    row(f"{clients} clients, {CONNECTIONS} connections each, {count} files",
                        lambda it: crowd(bench, it, lines, clients))]
