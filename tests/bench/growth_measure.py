"""What is measured of a daemon on a data folder: each step a function, all of them one row."""
import os
import pathlib
import re
import resource
import socket
import sqlite3
import statistics
import time

from growth_index import WIDE, WIDE_COMMIT
from hub import StandInHub
from support.daemon import Daemon

NEW_BYTES = 4096
NEW_FILES = 20
FIRST_KIB = b"Range: bytes=0-1023\r\n"


class Link:
    """One keep-alive connection. http.client would take longer than the daemon does."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def head(self, path: str, method=b"HEAD", more=b"") -> float:
        """Seconds until the answer is there. It has no body, or one that comes with its head."""
        began = time.perf_counter()
        self._socket.sendall(b"%b %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n" % (method, path.encode(),
                                                                         more))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        left = 0 if method == b"HEAD" else int(
            re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(body)
        while left > 0:
            left -= len(self._socket.recv(min(left, 2**20)))
        took = time.perf_counter() - began
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")):
            raise SystemExit(f"{path}: {head.decode()}")
        return took


def cpu_seconds(pid: int) -> float:
    """Of all threads, none of which ends meanwhile."""
    return sum(int((it / "schedstat").read_text().split()[0])
               for it in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def memory(pid: int) -> dict:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024
            for name in ("RssAnon", "VmHWM")}


def spread(times: list[float]) -> dict:
    ordered = sorted(times)
    return {"p50_ms": statistics.median(ordered) * 1000,
            "count": len(ordered), "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000}


def requests(daemon: Daemon, paths: list[str], method=b"HEAD", more=b"") -> dict:
    """CPU time is the median of ten parts: other processes disturb it for moments."""
    link = Link(daemon.port)
    times, costs = [], []
    part = max(1, len(paths) // 10)
    for begin in range(0, len(paths), part):
        asked = paths[begin:begin + part]
        before = cpu_seconds(daemon.pid)
        times += [link.head(path, method, more) for path in asked]
        costs.append((cpu_seconds(daemon.pid) - before) / len(asked))
    return spread(times) | {"cpu_us": statistics.median(costs) * 1e6}


def warm(path: pathlib.Path) -> None:
    """All of the file is in the page cache after this."""
    with open(path, "rb") as file:
        while file.read(2**20):
            pass


def cool(path: pathlib.Path) -> None:
    """None of it is; the daemon keeps 2 MiB for each of its connections."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def until_scanned(daemon: Daemon, limit=1800) -> dict:
    """Until the daemon has looked through its store, which is while it serves."""
    began, before = time.monotonic(), cpu_seconds(daemon.pid)
    while "looked through the store" not in daemon.output():
        if time.monotonic() - began > limit:
            raise SystemExit("the scan of the store does not end")
        time.sleep(0.05)
    return {"scan_s": time.monotonic() - began, "scan_cpu_s": cpu_seconds(daemon.pid) - before}


def uses(daemon: Daemon, paths: list[str]) -> dict:
    """Each use of a file is written down in the end. What the disk gets of that, and how long."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
    requests(daemon, paths, b"GET", FIRST_KIB)
    began = time.monotonic()
    daemon.stop()
    took = time.monotonic() - began
    blocks = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock - before
    return {"stop_s": took, "use_bytes": blocks * 512 / len(paths)}


def evictions(daemon: Daemon, hub: StandInHub) -> dict:
    """The store is full: the first new file has to wait until others have left."""
    files = {f"new-{it}.bin": os.urandom(NEW_BYTES) for it in range(NEW_FILES)}
    repo = hub.add_repo("model", "bench/new", files)
    link = Link(daemon.port)
    before = count(daemon)
    times = []
    for name in files:
        times.append(link.head(f"/bench/new/resolve/{repo.head}/{name}", b"GET"))
    left = before + NEW_FILES - count(daemon)
    return {"evict_ms": (times[0] - statistics.median(times[1:])) * 1000, "evicted": left}


def count(daemon: Daemon) -> int:
    return ask(daemon.data_dir, "SELECT count(*) FROM blob")


def ask(data: pathlib.Path, sql: str) -> int:
    index = sqlite3.connect(f"file:{data}/index.sqlite?mode=ro", uri=True)
    try:
        return index.execute(sql).fetchone()[0]
    finally:
        index.close()


def listings(daemon: Daemon) -> dict:
    api = f"/api/datasets/{WIDE}"
    tree = f"{api}/tree/{WIDE_COMMIT}"
    return {"small": requests(daemon, [f"{tree}/small"] * 200, b"GET"),
            "wide": requests(daemon, [f"{tree}/wide"] * 20, b"GET"),
            "info": requests(daemon, [f"{api}/revision/{WIDE_COMMIT}"] * 200, b"GET")}


def started(daemon: Daemon) -> float:
    began = time.monotonic()
    daemon.start()
    return time.monotonic() - began


def measure(folder: pathlib.Path, made: dict, n_requests: int) -> dict:
    known, stored = made["known"], made["stored"]
    known, others = known[:n_requests], known[n_requests:]
    # Files that were read are the last to be evicted, so none of these has left meanwhile.
    stored, later = stored[:n_requests], stored[n_requests:2 * n_requests]
    full = ask(folder / "data", "SELECT bytes FROM total WHERE what = 'blob'")
    (folder / "stderr").unlink(missing_ok=True)     # where the end of an earlier scan is told
    with StandInHub() as hub:
        daemon = Daemon(folder, {"upstream_endpoint": hub.url, "threads": 1,
                                 "revisions_ttl": "1d", "listings_ttl": "1d",
                                 "cache_max_size": f"{full}B"})
        warm(daemon.data_dir / "index.sqlite")
        try:
            row = {"start_s": started(daemon), "started": memory(daemon.pid)}
            row["beside"] = requests(daemon, others[:n_requests])
            row |= until_scanned(daemon)
            row["known"] = requests(daemon, known)
            row["stored"] = requests(daemon, stored)
            row["get"] = requests(daemon, stored + later, b"GET", FIRST_KIB)
            row |= listings(daemon) | evictions(daemon, hub)
            row["ended"] = memory(daemon.pid)
            cool(daemon.data_dir / "index.sqlite")
            row["cold"] = requests(daemon, others[-n_requests // 10:])
            daemon.kill()   # which leaves a log that SQLite reads at the next start
            row["start_killed_s"] = started(daemon)
            row |= uses(daemon, stored)
        finally:
            if daemon.running:
                daemon.stop()
    return row


def least(rows: list) -> dict:
    """Of several rounds. What disturbs a time or a cost makes it larger, never smaller."""
    if isinstance(rows[0], dict):
        return {name: least([it[name] for it in rows]) for name in rows[0]}
    return min(rows)
