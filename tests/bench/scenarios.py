"""What is measured. A scenario starts its servers, runs pairs, and returns rows of raw samples.

In a pair ours and theirs run one after the other, and the order turns with every pair, so that a
machine that slows down harms both alike. Nothing is dropped: not the first pair, not the worst.
"""
import dataclasses
import hashlib
import http.client
import json
import pathlib
import shutil
import subprocess
import time

from servers import (CLIENT_CORE, SERVER_CORE, BenchError, Origin, Server, file_location, head,
                     hubkeep, nginx, nginx_cache, pinned)

SMALL, BIG = "config.json", "big.bin"
MAIN = "/bench/big/resolve/main/"
WAN_MIB = 300
SLOW_MIB = 50
PUBLISH_SECONDS = 60
# nginx writes these itself; the others of our answer it gets word for word.
NGINX_OWN = {"date", "server", "connection", "content-length", "content-type", "accept-ranges"}


@dataclasses.dataclass
class Bench:
    """What every scenario needs."""
    binary: str
    client: pathlib.Path
    python: str
    folder: pathlib.Path
    big: pathlib.Path
    size: int
    pairs: int
    seconds: float

    def fresh(self, name: str) -> pathlib.Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def ask(self, server: Server, method: str, path: str, **options) -> dict:
        """One run of the client, with the CPU time that the server took for it."""
        command = [str(self.client), method, str(server.port), path]
        for name, value in options.items():
            command += ["--" + name, str(value)]
        before = server.cpu_seconds()
        ended = subprocess.run(command, preexec_fn=pinned(CLIENT_CORE), text=True,
                               capture_output=True)
        if ended.returncode != 0:
            raise BenchError(f"{server.name} {method} {path}: {ended.stderr.strip()}")
        sample = json.loads(ended.stdout)
        return sample | {"server_cpu": server.cpu_seconds() - before}

    def in_pairs(self, name: str, kind: str, ours, theirs) -> dict:
        row = {"name": name, "kind": kind, "ours": [], "theirs": []}
        for number in range(self.pairs):
            turns = [("ours", ours), ("theirs", theirs)]
            for side, run in turns if number % 2 == 0 else reversed(turns):
                row[side].append(run())
        return row


def check_content(server: Server, path: str, digest: str) -> None:
    """Not measured: speed with wrong bytes would be worth nothing. Also warms the page cache."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    link.request("GET", path)
    answer, found = link.getresponse(), hashlib.sha256()
    while block := answer.read(2**20):
        found.update(block)
    link.close()
    if answer.status != 200 or found.hexdigest() != digest:
        raise BenchError(f"{server.name} answered {path} with {answer.status} and wrong bytes")


def published(folder: pathlib.Path, digest: str) -> pathlib.Path:
    """Where the blob is, as soon as it has its final name: then a miss has cost all it costs."""
    blob = folder / "data/blobs/sha256" / digest[:2] / digest
    deadline = time.monotonic() + PUBLISH_SECONDS
    while not blob.exists():
        if time.monotonic() > deadline:
            raise BenchError("hubkeep has not published the file after a minute")
        time.sleep(0.005)
    return blob


def like(ours: Server, path: str, file: pathlib.Path) -> str:
    """An nginx location that gives the file with the headers that hubkeep answers with."""
    answer = head(ours.port, path)
    if answer.status != 200:
        raise BenchError(f"hubkeep answered HEAD {path} with {answer.status}")
    headers = {name: value for name, value in answer.getheaders() if name.lower() not in NGINX_OWN}
    headers["X-Request-Id"] = "$request_id"
    return file_location(path, file, headers)


def cached(bench: Bench, only: set[str]) -> list[dict]:
    """Hits. nginx serves hubkeep's own blob, so that both send the same pages."""
    rows = []
    with Origin(bench.python, bench.fresh("origin"), bench.big, None) as origin:
        pinned_path = f"/bench/big/resolve/{origin.commit}/"
        with hubkeep(bench.binary, bench.fresh("warm"), origin.url) as ours:
            check_content(ours, MAIN + BIG, origin.sha256)
            check_content(ours, MAIN + BIG, origin.sha256)
            blob = published(bench.folder / "warm", origin.sha256)
            small = bench.folder / SMALL
            small.write_bytes(fetch(ours, pinned_path + SMALL))
            locations = [like(ours, path + name, file) for path in (MAIN, pinned_path)
                         for name, file in ((BIG, blob), (SMALL, small))]
            with nginx(bench.fresh("static"), "\n".join(locations), SERVER_CORE) as theirs:
                check_content(theirs, MAIN + BIG, origin.sha256)
                if "cached" in only:
                    rows += cached_large(bench, ours, theirs, pinned_path + BIG)
                if "small" in only:
                    with nginx_cache(bench.fresh("proxy"), ours.port) as proxy:
                        rows += cached_small(bench, ours, proxy, pinned_path + SMALL)
    return rows


def fetch(server: Server, path: str) -> bytes:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request("GET", path)
    body = link.getresponse().read()
    link.close()
    return body


def cached_large(bench: Bench, ours: Server, theirs: Server, path: str) -> list[dict]:
    rows = []
    # The single stream takes the file four times, so that a tick of the CPU clock is no matter.
    for streams, requests in ((1, 4), (16, 1)):
        def run(server):
            return bench.ask(server, "GET", path, connections=streams, requests=requests,
                             length=bench.size)
        name = f"cached file, {streams} stream{'s' * (streams > 1)}"
        rows.append(bench.in_pairs(name, "bytes", lambda: run(ours), lambda: run(theirs)))
    return rows


def cached_small(bench: Bench, ours: Server, theirs: Server, at_commit: str) -> list[dict]:
    rows = []
    kinds = (("HEAD", "at a commit", at_commit), ("HEAD", "at main", MAIN + SMALL),
             ("GET", "at a commit", at_commit))
    for method, where, path in kinds:
        def run(server):
            return bench.ask(server, method, path, connections=64, seconds=bench.seconds)
        if fetch(theirs, path) != fetch(ours, path):  # not measured: fills the proxy's cache
            raise BenchError(f"{theirs.name} has other bytes for {path}")
        name = f"cached {method} of 1 KiB {where}, 64 connections"
        rows.append(bench.in_pairs(name, "requests", lambda: run(ours), lambda: run(theirs)))
    return rows


def authorised(bench: Bench) -> list[dict]:
    """A hit in a gated repo by a client that has proved its access, against one in a public repo
    by a client without a token; the same daemon, so only the question who asks is compared."""
    rows = []
    with Origin(bench.python, bench.fresh("origin"), bench.big, None) as origin, \
            hubkeep(bench.binary, bench.fresh("authorised"), origin.url, access_sharing="verify",
                    access_verify_ttl="1h") as server:
        public = f"/bench/big/resolve/{origin.commit}/{SMALL}"
        gated = f"/bench/gated/resolve/{origin.gated_commit}/{SMALL}"
        refused = head(server.port, gated).status
        if refused != 401:
            raise BenchError(f"hubkeep answered {refused} to a gated file without a token")
        # Not measured: both files come into the cache, and the proof into memory.
        for _ in range(2):
            bench.ask(server, "GET", public, requests=1)
            bench.ask(server, "GET", gated, requests=1, token=origin.token)
        for method in ("HEAD", "GET"):
            def run(path, **token):
                return bench.ask(server, method, path, connections=64, seconds=bench.seconds,
                                 **token)
            rows.append(bench.in_pairs(
                f"cached {method} of 1 KiB, 64 connections", "authorised",
                lambda: run(gated, token=origin.token), lambda: run(public)))
    return rows


def cold(bench: Bench) -> list[dict]:
    """Misses: a data folder that has never seen the file, against the client at the origin."""
    rows = []
    for rate in (None, WAN_MIB):
        with Origin(bench.python, bench.fresh("origin"), bench.big, rate) as origin:
            def ours():
                folder = bench.fresh("cold")
                with hubkeep(bench.binary, folder, origin.url) as server:
                    before = server.cpu_seconds()
                    sample = bench.ask(server, "GET", MAIN + BIG, requests=1, length=bench.size)
                    began = time.monotonic()
                    published(folder, origin.sha256)
                    sample |= {"publish_seconds": time.monotonic() - began,
                               "server_cpu": server.cpu_seconds() - before}
                shutil.rmtree(folder)
                return sample

            def direct():
                return bench.ask(origin.cdn, "GET", "/direct", requests=1, length=bench.size)

            # Not measured: the origin's file comes into memory, and so do the pages that ours will
            # be written to. A virtual machine gets them from its host at the first touch, slowly.
            direct()
            ours()
            speed = f"origin at {rate} MiB/s" if rate else "origin without a limit"
            rows.append(bench.in_pairs(f"cold file, {speed}", "cold", ours, direct))
    return rows


def memory(bench: Bench) -> list[dict]:
    """A hundred readers of one file while it arrives."""
    readers = 100
    with Origin(bench.python, bench.fresh("origin"), bench.big, SLOW_MIB) as origin:
        with hubkeep(bench.binary, bench.fresh("crowd"), origin.url) as server:
            idle = server.memory()
            sample = bench.ask(server, "GET", MAIN + BIG, connections=readers, requests=1,
                               length=bench.size)
            published(bench.folder / "crowd", origin.sha256)
            sample |= {"memory": server.memory(), "idle": idle, "readers": readers,
                       "rate_mib": SLOW_MIB}
        origin.cdn.stop()  # the log is complete when nginx is gone
        sample["origin_bytes"] = origin.bytes_sent()
    return [{"name": "memory", "kind": "memory", "ours": [sample], "theirs": []}]
