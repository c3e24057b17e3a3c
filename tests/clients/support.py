"""Real clients, each a process in its own environment with a home that nobody has used.

The environments are made by tests/run from clients/requirements; a client whose environment is
missing is skipped with that reason. A client is told about the daemon by HF_ENDPOINT and about
nothing else; whatever it sends to any other host ends at `Outside`, so no test needs the network
and none can be green because the network helped.
"""
import hashlib
import json
import os
import signal
import socketserver
import subprocess
import threading
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
RUST = BUILD / "client-rust" / "debug" / "client"
RUST_XET = BUILD / "client-rust-xet" / "debug" / "client-xet"
TIMEOUT = 120

VERSIONS = ("hf-0.20", "hf-0.36", "hf-1.0", "hf-newest")
# Those with hf_xet 1.0.5, 1.1.9, 1.2.0, 1.4.3, 1.5.1 and the newest.
XET_VERSIONS = ("hf-0.30", "hf-0.34", "hf-0.36", "hf-1.10", "hf-1.21", "hf-newest")


class Outside:
    """The proxy of every client for all hosts but loopback: refuses, and notes who asked."""

    def __init__(self):
        attempts = self.attempts = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                attempts.append(self.rfile.readline(4096).decode("latin-1").strip())
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
                                 b"Connection: close\r\n\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def hub_attempts(self):
        """Requests that a Hub client sends past its endpoint: to the Hub, its CDN or its CAS."""
        return [it for it in self.attempts
                if any(name in it for name in ("huggingface.co", "hf.co", "xethub"))]


class Client:
    """One user: an environment, a home, and the address of the daemon."""

    def __init__(self, name: str, home: Path, endpoint: str, outside: str, prefix=(),
                 **variables):
        self.python = BUILD / f"venv-{name}" / "bin" / "python"
        if not self.python.exists():
            pytest.skip(f"{self.python} is missing; tests/run makes it")
        self.prefix = prefix
        self.home = home
        self.home.mkdir(parents=True, exist_ok=True)
        self.cache = home / "hf"
        self.environment = environment(home, endpoint) | {
            "HTTP_PROXY": outside, "HTTPS_PROXY": outside, "NO_PROXY": "127.0.0.1,localhost",
        } | {name: str(value) for name, value in variables.items()}

    def run(self, program: str, job, *arguments, **options) -> dict:
        return finish(self.start(program, job, *arguments), program, **options)

    def start(self, program: str, job, *arguments) -> subprocess.Popen:
        command = [*self.prefix, self.python, HERE / "programs" / program, *arguments]
        return start(command, self.environment, job)

    def do(self, *jobs, at_once=1, **options) -> list[dict]:
        return self.run("hub_jobs.py", jobs, at_once, **options)["results"]

    def markers(self) -> list[Path]:
        """The files by which huggingface_hub remembers that a file does not exist."""
        return [it for it in self.cache.rglob(".no_exist/*/*")]


def environment(home: Path, endpoint: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8",
            "HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONFAULTHANDLER": "1"}


def start(command, variables, job=None) -> subprocess.Popen:
    process = subprocess.Popen([str(it) for it in command], env=variables, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.job = None if job is None else json.dumps(job)
    return process


def finish(process: subprocess.Popen, name: str, timeout=TIMEOUT, may_crash=False):
    """The JSON of the last line that is not hf_xet's log; a client that dies fails the test with
    what it said, unless it may do so after that line."""
    try:
        out, err = process.communicate(process.job, timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)     # Python then says where each thread is
        out, err = process.communicate()
        pytest.fail(f"{name} was not done after {timeout} s:\n{out[-2000:]}\n{err[-8000:]}")
    if process.returncode != 0 and not (may_crash and process.returncode < 0 and out):
        pytest.fail(f"{name} ended with {process.returncode}:\n{out[-2000:]}\n{err[-4000:]}")
    told = [it for it in out.splitlines() if not it.startswith('{"timestamp"')]
    return json.loads(told[-1])


def wait_until(condition, seconds=20.0, what="the condition"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expect_file(result: dict, repo, revision: str, path: str) -> None:
    """Content, commit and the digest that names the blob are what the stand-in holds."""
    commit = repo.find(revision)
    entry = commit.entries[path]
    assert "error" not in result, f"{path} at {revision}: {result['error'][0]}: {result['message']}"
    assert (result["sha256"], result["size"], result["commit"], result["blob"]) == (
        entry.content.sha256, entry.size, commit.sha, entry.etag), (path, revision)


def expect_snapshot(result: dict, repo, revision: str = "main") -> None:
    commit = repo.find(revision)
    assert "error" not in result, f"{repo.id}: {result['error'][0]}: {result['message']}"
    assert result["commit"] == commit.sha
    assert result["files"] == {it.path: it.content.sha256 for it in commit.entries.values()}


def lfs_bytes(repo, revision: str = "main") -> int:
    """What the CDN has to send for one copy of each LFS file."""
    blobs = {it.etag: it.size for it in repo.find(revision).entries.values() if it.lfs}
    return sum(blobs.values())
