#!/usr/bin/env python3
"""Measures hubkeep with the listing of a repo of 120,000 files, and prints a Markdown table.

    build/venv/bin/python tests/bench/listing.py [--files N] [--threads N]

`Hub itself` is the same walk straight at the stand-in Hub, which makes its pages in Python: the
cold walk through hubkeep cannot be faster. The last rows are HEADs while others list the whole
repo on the same io thread, because a listing must not hold up anybody.
"""
import argparse
import http.client
import json
import pathlib
import random
import re
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from hub import StandInHub  # noqa: E402
from support.daemon import Daemon  # noqa: E402

PAGE = 1000
HEADS = 2000


class Link:
    """One keep-alive connection; each answer with the milliseconds that it took."""

    def __init__(self, port: int):
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, method="GET", body=None, headers=None):
        began = time.perf_counter()
        self._link.request(method, path, body, headers or {})
        reply = self._link.getresponse()
        data = reply.read()
        took = (time.perf_counter() - began) * 1000
        if reply.status != 200:
            raise SystemExit(f"{method} {path}: {reply.status} {data[:200]}")
        return data, reply.headers, took

    def walk(self, path: str) -> tuple[int, list[float]]:
        entries, times = 0, []
        while path:
            data, headers, took = self.ask(path)
            times.append(took)
            entries += len(json.loads(data))
            found = re.match(r"<http://[^/]+([^>]+)>", headers.get("Link") or "")
            path = found and found[1]
        return entries, times


def memory(daemon: Daemon) -> int:
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) // 1024


def row(what: str, times: list[float], extra="") -> None:
    ordered = sorted(times)
    worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"| {what} | {len(times)} | {sum(times) / 1000:.2f} | {statistics.median(times):.2f} "
          f"| {worst:.2f} | {ordered[-1]:.2f} | {extra} |", flush=True)


def heads_beside_listings(daemon: Daemon, head: str, page: str) -> list[float]:
    over = threading.Event()

    def list_all():
        link = Link(daemon.port)
        while not over.is_set():
            link.ask(page)

    others = [threading.Thread(target=list_all) for _ in range(4)]
    for it in others:
        it.start()
    link = Link(daemon.port)
    times = [link.ask(head, "HEAD")[2] for _ in range(300)]
    over.set()
    for it in others:
        it.join()
    return times


def measure(hub: StandInHub, files: int, daemon: Daemon) -> None:
    paths = [f"data/{it // 400:04}/part-{it:07}.json" for it in range(files)]
    repo = hub.add_repo("dataset", "bench/listing", {it: b"%d" % i for i, it in enumerate(paths)})
    api = f"/api/datasets/{repo.id}"
    tree = f"{api}/tree/{repo.head}?recursive=true"
    expected = len(repo.commits[repo.head].paths)
    print(f"{files} files, {expected} entries\n\n| what | requests | s in all | ms median | ms p99 "
          "| ms worst | |\n|---|---|---|---|---|---|---|")
    entries, times = Link(int(hub.url.rpartition(":")[2])).walk(tree)
    row("the Hub itself", times)
    link = Link(daemon.port)
    link.ask(f"{api}/revision/{repo.head}")
    before = memory(daemon)
    entries, times = link.walk(tree)
    assert entries == expected, entries
    row("cold, as the Hub pages", times, f"RSS {before} to {memory(daemon)} MiB")
    size = sum(it.stat().st_size for it in daemon.data_dir.glob("index*")) // 2**20
    hub.down()
    warm_rows(link, daemon, api, repo, tree, paths)
    daemon.restart()
    row("after a restart, the first page", [Link(daemon.port).ask(f"{tree}&limit={PAGE}")[2]])
    print(f"\nThe index takes {size} MiB.")


def warm_rows(link, daemon, api, repo, tree, paths) -> None:
    expected = len(repo.commits[repo.head].paths)
    for limit in (PAGE, None):
        entries, times = link.walk(tree + (f"&limit={limit}" if limit else ""))
        assert entries == expected, entries
        row(f"warm, {f'limit={limit}' if limit else 'no limit'}", times, f"RSS {memory(daemon)} MiB")
    row("warm, one folder", [link.ask(f"{api}/tree/{repo.head}/data%2F{it:04}")[2]
                             for it in range(200)])
    flat = link.ask(f"{api}/tree/{repo.head}/data")
    row(f"warm, a folder of {len(json.loads(flat[0]))} folders", [flat[2]])
    some = random.sample(paths, HEADS)
    head = f"/datasets/{repo.id}/resolve/{repo.head}/"
    row("warm HEAD", [link.ask(head + it, "HEAD")[2] for it in some])
    body = json.dumps({"paths": some[:PAGE]})
    row("warm paths-info of 1000", [link.ask(f"{api}/paths-info/{repo.head}", "POST", body,
                                             {"Content-Type": "application/json"})[2]])
    blobs = link.ask(f"{api}/revision/{repo.head}?blobs=true")
    row("warm blobs=true", [blobs[2]], f"{len(blobs[0]) / 2**20:.0f} MiB")
    row("HEAD beside 4 listings of 10000", heads_beside_listings(daemon, head + some[0], tree),
        f"peak {daemon.peak_memory() // 2**20} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=120_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, StandInHub() as hub:
        daemon = Daemon(pathlib.Path(folder), {"upstream_endpoint": hub.url, "revisions_ttl": "1h",
                                               "threads": options.threads})
        daemon.start()
        try:
            measure(hub, options.files, daemon)
        finally:
            daemon.stop()


main()
