"""cached 4 GiB to the newest huggingface_hub over Xet: against itself without, and a copy"""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.parse

from bench import BenchError
from benches.common import BIG, connection, head, warm
from machine import CLIENT_CORE, SERVER_CORE, Missing, clean_env, pinned
from origin import MAIN, Origin
from servers import Hubkeep, certificate

DOWNLOAD = "download.bin"
LOG_SECONDS = 10
DOWNLOAD_SIZES = 4  # so many times the large file
MEMORY = pathlib.Path("/dev/shm")
SERVE = {"xet": "serve"}
ONE_CORE = ", one core for the client"
SCRIPT = """
import json, resource, sys, time
from huggingface_hub import hf_hub_download
repo, name, folder = sys.argv[1:]
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
cpu_before, began = cpu(), time.monotonic()
path = hf_hub_download(repo, name, cache_dir=folder)
print(json.dumps({"seconds": time.monotonic() - began, "cpu_seconds": cpu() - cpu_before,
                  "path": path}))
"""


class Place:
    """Where downloads go: memory when there is room, because on a disk all are as slow as it. A
    download stays until the next begins, which then gets its pages: a virtual machine waits longer
    for fresh ones from its host than for all that is measured."""

    def __init__(self, parent: pathlib.Path):
        self._parent, self._taken = parent, contextlib.ExitStack()

    def folder(self) -> pathlib.Path:
        self._taken.close()
        new = tempfile.TemporaryDirectory(prefix="bench-", dir=self._parent)
        return pathlib.Path(self._taken.enter_context(new))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._taken.close()


def in_memory(bench) -> bool:
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * DOWNLOAD_SIZES * bench.size


class Clients:
    """`cores` are what they may run on."""

    def __init__(self, bench, place: Place, cores: set[int]):
        self._bench, self._place, self._cores = bench, place, cores

    def _prepare(self) -> None:
        os.sched_setaffinity(0, self._cores)

    def _run(self, command: list[str], env: dict) -> str:
        ended = subprocess.run(command, env=env, preexec_fn=self._prepare, text=True,
                               capture_output=True)
        if ended.returncode != 0:
            raise BenchError(f"{os.path.basename(command[0])} failed: {ended.stderr[-500:]}")
        return ended.stdout

    def download(self, server, name: str, with_xet: bool, digest="") -> dict:
        folder = self._place.folder()
        env = clean_env(HF_ENDPOINT=f"http://127.0.0.1:{server.port}", HF_HOME=str(folder),
                        HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1",
                        HF_HUB_DISABLE_XET=str(int(not with_xet)))
        before, xorbs = server.cpu_seconds(), xorbs_read(server)
        out = self._run([str(self._bench.hf_python), "-c", SCRIPT, "bench/big", name, str(folder)],
                        env)
        used = server.cpu_seconds() - before
        sample = json.loads(out)
        path = pathlib.Path(sample.pop("path"))
        if (xorbs_read(server) > xorbs) != with_xet:
            raise BenchError("the client did not do as it was told about Xet")
        if digest and self._bench.digest(path) != digest:
            raise BenchError("the client has wrong bytes")
        return sample | {"bytes": path.stat().st_size, "server_cpu": used}

    def copy(self, blob: pathlib.Path) -> dict:
        folder = self._place.folder()
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        self._run(["cp", "--reflink=never", str(blob), str(folder)], clean_env())
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        used = sum(getattr(after, it) - getattr(before, it) for it in ("ru_utime", "ru_stime"))
        return {"seconds": seconds, "cpu_seconds": used, "bytes": blob.stat().st_size}


def xorbs_read(server) -> int:
    """As its access log has it, which is written by and by: a line of ours comes behind them."""
    mark = f"bench-{time.monotonic_ns()}"
    link = connection(server.port)
    link.request("GET", "/-/livez", headers={"X-Request-Id": mark})
    link.getresponse().read()
    link.close()
    deadline = time.monotonic() + LOG_SECONDS
    while mark.encode() not in (lines := server.log.read_bytes()):
        if time.monotonic() > deadline:
            raise BenchError("hubkeep does not write its access log")
        time.sleep(0.01)
    return lines.count(b"/-/xet/v1/xorbs/")


class Xorbs:
    """Where the file is read over Xet, and the same bytes over plain HTTP."""

    def __init__(self, bench, server, path: str, tls=False):
        self._bench, self._server, self._path, self._tls = bench, server, path, tls
        answer = head(server.port, path, tls)
        if not answer.getheader("X-Xet-Hash"):
            raise BenchError("hubkeep tells no Xet hash of the file")
        auth, rebuild = (urllib.parse.urlsplit(it.partition(">")[0].strip(" <")).path
                         for it in answer.getheader("Link").split(","))
        token = json.loads(self._get(auth))["accessToken"]
        found = json.loads(self._get(rebuild, {"Authorization": f"Bearer {token}"}))
        self._lines = [line for term in found["terms"]
                       for line in self._lines_of(found["fetch_info"][term["hash"]])]

    def _get(self, path: str, headers=None) -> bytes:
        link = connection(self._server.port, self._tls)
        link.request("GET", path, headers=headers or {})
        answer = link.getresponse()
        body = answer.read()
        link.close()
        if answer.status != 200:
            raise BenchError(f"hubkeep answered {path} with {answer.status}: {body[:200]!r}")
        return body

    def _lines_of(self, fetches: list[dict]) -> list[str]:
        for it in fetches:
            url, range_ = urllib.parse.urlsplit(it["url"]), it["url_range"]
            yield f"{url.path}?{url.query} {range_['start']}-{range_['end']}"

    def ask(self, connections: int) -> dict:
        return self._ask(self._lines, self._at_most(connections))

    def ask_plain(self, connections: int) -> dict:
        """One request on each connection."""
        connections = self._at_most(connections)
        share = self._bench.size // connections
        return self._ask([f"{self._path} {it * share}-{(it + 1) * share - 1}"
                          for it in range(connections)], connections)

    def _at_most(self, connections: int) -> int:
        return min(connections, len(self._lines))  # a tiny file has fewer

    def _ask(self, lines: list[str], connections: int) -> dict:
        # Twice the file, because once is over too soon.
        return self._bench.ask(self._server, "GET", self._bench.plan(lines * 2), tls=self._tls,
                               connections=connections, stride=connections)

    def rows(self, over: str, rounds=None) -> list[dict]:
        return [self._bench.row(
            f"xorbs of 8 MiB{over}, {count} connection{'s' * (count > 1)}", "stream",
            {"hubkeep": lambda count=count: self.ask(count),
             "hubkeep, plain GET": lambda count=count: self.ask_plain(count)}, rounds=rounds)
                for count in (1, 16)]


def server_side(bench) -> list[dict]:
    tls = certificate(bench.folder / "certificate")
    with warm(bench, **SERVE) as (origin, ours):
        path = origin.at_commit(BIG)
        rows = Xorbs(bench, ours, path).rows("")
    with Origin(bench, {BIG: bench.big}) as origin, \
            Hubkeep(bench, bench.folder / "warm", origin.url, **SERVE, **tls) as ours:
        return rows + Xorbs(bench, ours, path, tls=True).rows(" over TLS", rounds=3)


def cold(bench, clients: Clients, with_xet: bool) -> dict:
    with Origin(bench, {BIG: bench.big}) as origin, \
            Hubkeep(bench, bench.fresh("cold"), origin.url, **SERVE) as ours:
        sample = clients.download(ours, BIG, with_xet, origin.sha256[BIG])
        return sample | {"origin_bytes": origin.bytes_sent(), "size": bench.size}


def client_side(bench, place: Place, to: str) -> list[dict]:
    both = Clients(bench, place, {SERVER_CORE, CLIENT_CORE})
    rows = [bench.row(f"cold, to {to}", "download",
                      {"hubkeep, Xet": lambda: cold(bench, both, True),
                       "hubkeep, Xet off": lambda: cold(bench, both, False)}, rounds=3)]
    file = bench.folder / DOWNLOAD
    bench.make(file, DOWNLOAD_SIZES * bench.size)
    with Origin(bench, {DOWNLOAD: file}) as origin, \
            Hubkeep(bench, bench.fresh("download"), origin.url, **SERVE) as ours:
        digest = origin.sha256[DOWNLOAD]
        bench.ask(ours, "GET", MAIN + DOWNLOAD, requests=1)
        blob = ours.wait_for_blob(digest)
        file.unlink()
        for with_xet in (True, False):  # not measured
            both.download(ours, DOWNLOAD, with_xet, digest)
        for about, cores in (("", {SERVER_CORE, CLIENT_CORE}), (ONE_CORE, {CLIENT_CORE})):
            clients = Clients(bench, place, cores)
            rows.append(bench.row(
                f"cached, to {to}{about}", "download",
                {"hubkeep, Xet": lambda: clients.download(ours, DOWNLOAD, True),
                 "hubkeep, Xet off": lambda: clients.download(ours, DOWNLOAD, False),
                 "cp": lambda: clients.copy(blob)}, rounds=3))
    return rows


def measure(bench) -> list[dict]:
    rows = server_side(bench)
    if not os.access(bench.hf_python, os.X_OK):
        bench.skipped.append(str(Missing(f"{bench.hf_python} is not there; tests/run makes it")))
        return rows
    parent, to = (MEMORY, "tmpfs") if in_memory(bench) else (bench.folder, "disk")
    with Place(parent) as place:
        return rows + client_side(bench, place, to)
