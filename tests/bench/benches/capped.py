"""cold file, each upstream connection at 40 MB/s and 50 ms: against one connection and aria2c"""
import os
import shutil
import subprocess
import time

from bench import MIB, BenchError
from benches.cold import through_hubkeep
from benches.common import BIG
from machine import CLIENT_CORE, clean_env, pinned, program
from origin import Origin

RATE, LATENCY_MS = 40_000_000, 50
ONE_CONNECTION = 96 * MIB  # shows its rate as well as the whole file does


def with_aria2c(bench, origin: Origin) -> dict:
    folder = bench.fresh("aria2c")
    folder.mkdir()
    url = f"http://127.0.0.1:{origin.cdn_port}{origin.direct(BIG)}"
    began = time.monotonic()
    ended = subprocess.run(
        [program("aria2c"), "--no-conf", "-q", "-x16", "-s16", "-k1M", "--file-allocation=none",
         "-d", str(folder), "-o", "file", url], preexec_fn=pinned(CLIENT_CORE), env=clean_env())
    sample = {"seconds": time.monotonic() - began, "bytes": bench.size}
    if ended.returncode != 0 or os.path.getsize(folder / "file") != bench.size:
        raise BenchError("aria2c did not download the file")
    shutil.rmtree(folder)
    return sample


def measure(bench) -> list[dict]:
    with Origin(bench, {BIG: bench.big}, rate=RATE, latency_ms=LATENCY_MS) as origin:
        last = min(ONE_CONNECTION, bench.size) - 1
        plan = bench.plan([f"{origin.direct(BIG)} 0-{last}"])
        sides = {"hubkeep": lambda: through_hubkeep(bench, origin),
                 "one connection": lambda: bench.ask_port(origin.cdn_port, "GET", plan),
                 "aria2c -x16 -s16": lambda: with_aria2c(bench, origin)}
        return [bench.row("40 MB/s and 50 ms for each connection", "capped", sides)]
