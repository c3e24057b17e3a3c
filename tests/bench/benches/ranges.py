"""1,000 random 64 KiB ranges of a cold file: what the origin sends, once and again"""
import random

from bench import GIB
from benches.common import BIG
from origin import MAIN, Origin
from servers import Hubkeep

COUNT, LENGTH = 1000, 64 * 1024
CONNECTIONS = 8


def union(ranges: list[tuple[int, int]]) -> int:
    """Bytes that are in at least one range."""
    total, end = 0, 0
    for first, last in sorted(ranges):
        first = max(first, end)
        total += max(0, last + 1 - first)
        end = max(end, last + 1)
    return total


def measure(bench) -> list[dict]:
    random.seed(20260801)  # the same ranges in every run
    # In smoke runs the share of the file is the same.
    count = max(8, COUNT * bench.size // GIB)
    starts = [random.randrange(bench.size - LENGTH) for _ in range(count)]
    ranges = [(it, it + LENGTH - 1) for it in starts]
    blocks = {block for first, last in ranges for block in (first // LENGTH, last // LENGTH)}
    plan = bench.plan([f"{MAIN}{BIG} {first}-{last}" for first, last in ranges])
    about = {"asked": union(ranges), "blocks": len(blocks) * LENGTH, "count": count}
    samples = []
    with Origin(bench, {BIG: bench.big}) as origin:
        def run(server):
            before = origin.bytes_sent()
            sample = bench.ask(server, "GET", plan, connections=min(CONNECTIONS, count),
                               stride=min(CONNECTIONS, count))
            return sample | {"origin_bytes": origin.bytes_sent() - before} | about

        with Hubkeep(bench, bench.fresh("ranges"), origin.url) as server:
            passes = {"first pass": run(server), "second pass": run(server)}
        with Hubkeep(bench, bench.folder / "ranges", origin.url) as server:
            passes["after a restart"] = run(server)
    return [{"name": name, "kind": "ranges", "samples": {"hubkeep": [sample]}}
            for name, sample in passes.items()]
