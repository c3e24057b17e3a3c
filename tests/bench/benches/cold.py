"""cold large file, origin without limit, verified and stored: against nginx proxy_cache + SHA-256"""
import shutil
import subprocess
import time

from bench import BenchError
from benches.common import BIG
from machine import SERVER_CORE, pinned, program
from origin import MAIN, Origin
from servers import Hubkeep, nginx_cache

SHA_BLOCK = 2**20


def through_hubkeep(bench, origin: Origin, name: str, size: int) -> dict:
    """A download with a data folder that has never seen the file, until the blob is durable."""
    with Hubkeep(bench, bench.fresh("cold"), origin.url) as server:
        before = server.cpu_seconds()
        sample = bench.ask(server, "GET", MAIN + name, ahead=True, requests=1, length=size)
        began = time.monotonic()
        server.wait_for_blob(origin.sha256[name])
        sample |= {"publish_seconds": time.monotonic() - began,
                   "server_cpu": server.cpu_seconds() - before}
    shutil.rmtree(bench.folder / "cold")
    return sample


def through_nginx(bench, origin: Origin) -> dict:
    with nginx_cache(bench.fresh("cold"), origin.cdn_port) as server:
        sample = bench.ask(server, "GET", origin.direct(BIG), ahead=True, requests=1,
                           length=bench.size)
    shutil.rmtree(bench.folder / "cold")
    return sample


def sha256_sample() -> dict:
    """What OpenSSL needs for it on the servers' core: `openssl speed` counts CPU time."""
    seconds = 1
    ended = subprocess.run(
        [program("openssl"), "speed", "-mr", "-seconds", str(seconds), "-bytes", str(SHA_BLOCK),
         "-evp", "sha256"], preexec_fn=pinned(SERVER_CORE), text=True, capture_output=True)
    lines = [it for it in ended.stdout.splitlines() if it.startswith("+F:")]
    if not lines:
        raise BenchError(f"openssl speed failed: {ended.stderr.strip()[-200:]}")
    speed = float(lines[0].split(":")[-1])
    return {"seconds": seconds, "bytes": speed * seconds, "server_cpu": seconds, "cpu_seconds": 0}


def measure(bench) -> list[dict]:
    with Origin(bench, {BIG: bench.big}) as origin:
        def direct():
            return bench.ask_port(origin.cdn_port, "GET", origin.direct(BIG), requests=1,
                                  length=bench.size)

        direct()  # not measured: the origin's file comes into memory
        def second(run):
            """A virtual machine gets memory from its host at the first touch, and gives back what
            is long free: that takes longer than all that is measured, and counts as CPU time. So
            each run has the pages of one like it, just before."""
            run()
            return run()

        return [bench.row("origin without a limit", "cold", {
            "hubkeep": lambda: second(lambda: through_hubkeep(bench, origin, BIG, bench.size)),
            "nginx proxy_cache": lambda: second(lambda: through_nginx(bench, origin)),
            "SHA-256": sha256_sample, "direct": direct}, rounds=4)]
