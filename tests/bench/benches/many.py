"""10,000 idle connections, 2,000 slow readers, 50 clients x 8 connections x 100 files: memory, p99"""
import contextlib
import resource

from bench import GIB, MIB
from benches.common import BIG, SMALL
from origin import Origin
from servers import Hubkeep, nginx_cache

IDLE, SLOW, SLOW_RATE = 10_000, 2_000, 64 * 1024
CLIENTS, CONNECTIONS, FILES, FILE_SIZE = 50, 8, 100, 2 * MIB
HEAD_CONNECTIONS = 4


@contextlib.contextmanager
def load(bench, server, method: str, target: str, **options):
    """(client, sample): while it lasts, HEADs are asked for beside it, and memory is looked at."""
    before = server.memory()
    with bench.asking(server, method, target, **options) as client:
        sample = {"connections": options["connections"]}
        yield client, sample
        sample["memory"] = server.memory()
        sample["grown"] = sample["memory"]["RssAnon"] - before["RssAnon"]
        ended = client.result()
        sample["speed"] = ended["bytes"] / ended["seconds"] / GIB


def heads(bench, server, path: str) -> dict:
    bench.ask(server, "HEAD", path, requests=20)  # not measured: by now the load runs
    return bench.ask(server, "HEAD", path, connections=HEAD_CONNECTIONS, seconds=bench.seconds,
                     ahead=True)


def beside_idle(bench, server, small: str, count: int) -> dict:
    with load(bench, server, "HEAD", small, connections=count, requests=1,
              hold=True) as (client, sample):
        client.wait_until_it_holds()
        sample |= heads(bench, server, small)
    return sample


def beside_slow(bench, server, big: str, small: str, count: int) -> dict:
    with load(bench, server, "GET", big, connections=count, rate=SLOW_RATE,
              seconds=3 * bench.seconds) as (_, sample):
        sample |= heads(bench, server, small)
    return sample


def beside_crowd(bench, server, lines: list[str], small: str, clients: int) -> dict:
    with load(bench, server, "GET", bench.plan(lines), connections=clients * CONNECTIONS,
              stride=CONNECTIONS) as (client, sample):
        sample |= heads(bench, server, small)
        if not bench.smoke:
            client.check_it_runs()
    return sample


def plan(origin, files, size: int) -> list[str]:
    """Every file in as many parts as a client has connections, one for each."""
    part = size // CONNECTIONS
    return [f"{origin.at_commit(name)} {it * part}-{(it + 1) * part - 1}"
            for name in files for it in range(CONNECTIONS)]


def idle_connections() -> int:
    """hubkeep keeps three descriptors for each connection that it accepts, and some hundreds for
    itself; a system that allows fewer gets fewer connections."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return IDLE if allowed == resource.RLIM_INFINITY else min(IDLE, (allowed - 1000) // 3)


def measure(bench) -> list[dict]:
    idle, slow, clients, count = (200, 50, 2, 4) if bench.smoke else (
        idle_connections(), SLOW, CLIENTS, FILES)
    files = bench.files(count, FILE_SIZE)
    with Origin(bench, files | {BIG: bench.big}) as origin:
        big, small = origin.at_commit(BIG), origin.at_commit(SMALL)
        paths = [big, small, *map(origin.at_commit, files)]
        warm, cache = bench.fresh("warm"), bench.fresh("cache")

        def ours():
            return Hubkeep(bench, warm, origin.url, limits_connections="11000")

        # Not measured: what is asked for comes into both stores.
        with ours() as behind, nginx_cache(cache, behind.port) as theirs:
            for server in (behind, theirs):
                bench.ask(server, "GET", bench.plan(paths))
            for name in (BIG, *files):
                behind.wait_for_blob(origin.sha256[name])
            behind_port = behind.port

        def row(name, run):
            def anew(start):  # a process that has freed memory gives it to the next run
                with start() as server:
                    bench.ask(server, "HEAD", small, requests=20, connections=HEAD_CONNECTIONS)
                    return run(server)
            return bench.row(name, "many", {
                "hubkeep": lambda: anew(ours),
                "nginx proxy_cache": lambda: anew(lambda: nginx_cache(cache, behind_port))},
                rounds=2)

        lines = plan(origin, files, FILE_SIZE)
        return [row(f"{idle:,} idle", lambda it: beside_idle(bench, it, small, idle)),
                row(f"{slow:,} slow readers", lambda it: beside_slow(bench, it, big, small, slow)),
                row(f"{clients} clients, {CONNECTIONS} connections each, {count} files",
                    lambda it: beside_crowd(bench, it, lines, small, clients))]
