"""cold file, each upstream connection at 40 MB/s and 50 ms: against one connection and aria2c"""
import os
import shutil
import subprocess
import time

from bench import MIB, BenchError
from benches.cold import through_hubkeep
from machine import CLIENT_CORE, clean_env, pinned, program
from origin import Origin

RATE, LATENCY_MS = 40_000_000, 50
SIZE = 512 * MIB
ONE_CONNECTION = 96 * MIB  # shows its rate as well as the whole file does


def with_aria2c(bench, origin: Origin, name: str, size: int) -> dict:
    folder = bench.fresh("aria2c")
    folder.mkdir()
    url = f"http://127.0.0.1:{origin.cdn_port}{origin.direct(name)}"
    began = time.monotonic()
    ended = subprocess.run(
        [program("aria2c"), "--no-conf", "-q", "-x16", "-s16", "-k1M", "--file-allocation=none",
         "-d", str(folder), "-o", "file", url], preexec_fn=pinned(CLIENT_CORE), env=clean_env())
    sample = {"seconds": time.monotonic() - began, "bytes": size}
    if ended.returncode != 0 or os.path.getsize(folder / "file") != size:
        raise BenchError("aria2c did not download the file")
    shutil.rmtree(folder)
    return sample


def measure(bench) -> list[dict]:
    size = min(SIZE, bench.size)
    (name, path), = bench.files(1, size).items()
    with Origin(bench, {name: path}, rate=RATE, latency_ms=LATENCY_MS) as origin:
        plan = bench.plan([f"{origin.direct(name)} 0-{min(ONE_CONNECTION, size) - 1}"])
        sides = {"hubkeep": lambda: through_hubkeep(bench, origin, name, size),
                 "one connection": lambda: bench.ask_port(origin.cdn_port, "GET", plan),
                 "aria2c -x16 -s16": lambda: with_aria2c(bench, origin, name, size)}
        return [bench.row("40 MB/s and 50 ms for each connection", "capped", sides, rounds=3)]
