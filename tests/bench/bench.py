"""What every bench is given: files, the native programs, the measuring client, and rounds.

In a round every side runs once, one after the other, and the order turns with every round, so that
a machine that slows down harms all alike. Nothing is dropped: not the first round, not the worst.
"""
import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess

from machine import CLIENT_CORE, BenchError, Missing, Server, clean_env, pinned
from profiles import Profiler

HERE = pathlib.Path(__file__).resolve().parent
MIB, GIB = 2**20, 2**30
BLOCK = 2**20
CLIENT_SECONDS = 300


@dataclasses.dataclass
class Bench:
    binary: str
    python: str
    folder: pathlib.Path
    size: int           # of the large file
    rounds: int
    seconds: float      # of a run of small requests
    smoke: bool
    profiler: Profiler
    venv: pathlib.Path  # of the bench
    programs: pathlib.Path  # compiled, kept from run to run
    hf_python: pathlib.Path  # with the newest huggingface_hub

    def __post_init__(self):
        self._digests: dict[pathlib.Path, str] = {}
        self._big: pathlib.Path | None = None
        self.skipped: list[str] = []

    # Files

    def fresh(self, name: str) -> pathlib.Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    @property
    def big(self) -> pathlib.Path:
        """The large file, in the page cache and on the disk, so that no write-back of it falls
        into a measurement."""
        if not self._big:
            self._big = self.folder / "big.bin"
            self.make(self._big, self.size)
        return self._big

    def files(self, count: int, size: int) -> dict[str, pathlib.Path]:
        """Others beside the large one, of that size, until the next call."""
        folder = self.fresh("files")
        folder.mkdir()
        found = {f"file-{it:03}.bin": folder / f"file-{it:03}.bin" for it in range(count)}
        for path in found.values():
            self.make(path, size)
        return found

    def make(self, path: pathlib.Path, size: int) -> None:
        """Of bytes that cannot be compressed, on the disk."""
        digest = hashlib.sha256()
        with open(path, "wb") as file:
            for begin in range(0, size, BLOCK):
                data = os.urandom(min(BLOCK, size - begin))
                digest.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._digests[path] = digest.hexdigest()

    def digest(self, path: pathlib.Path) -> str:
        if path not in self._digests:
            with open(path, "rb") as file:
                self._digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[path]

    # Programs

    def native(self, name: str) -> pathlib.Path:
        """native/NAME.cpp, compiled once for each version of the sources."""
        sources = sorted((HERE / "native").iterdir())
        version = hashlib.sha256(b"".join(it.read_bytes() for it in sources)).hexdigest()[:16]
        made = self.programs / f"{name}-{version}"
        if not made.exists():
            self.programs.mkdir(parents=True, exist_ok=True)
            compile_to(made, HERE / "native" / f"{name}.cpp")
        return made

    def ask(self, server: Server, method: str, target: str, **options) -> dict:
        """One run of the client, with the CPU time that the server took for it."""
        before = server.cpu_seconds()
        with self.asking(server, method, target, **options) as client:
            sample = client.result()
        return sample | {"server_cpu": server.cpu_seconds() - before}

    def ask_port(self, port: int, method: str, target: str, **options) -> dict:
        """The same of a server that is not measured."""
        return self.ask(Unmeasured(port), method, target, **options)

    @contextlib.contextmanager
    def asking(self, server: Server, method: str, target: str, ahead=False, **options):
        """The client while it runs. `ahead`: it goes before others on the clients' core."""
        command = [str(self.native("client")), method, str(server.port), target]
        for name, value in options.items():
            command += ["--" + name, str(int(value) if isinstance(value, bool) else value)]
        process = subprocess.Popen(command, preexec_fn=pinned(CLIENT_CORE, ahead), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_env())
        try:
            yield Client(process, f"{server.name} {method} {target}")
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()

    def plan(self, lines: list[str]) -> str:
        """A client's target that is a list of requests."""
        path = self.folder / "plan"
        path.write_text("\n".join(lines) + "\n")
        return f"@{path}"

    # Rounds

    def row(self, name: str, kind: str, sides: dict, rounds: int | None = None, **about) -> dict:
        """A side is a function that gives a sample; hubkeep's is the first. With `rounds` fewer
        than others: what is slow and hardly varies."""
        samples = {side: [] for side in sides}
        count = self.rounds if rounds is None else min(rounds, self.rounds)
        for number in range(count):
            turns = list(sides.items())
            turns = turns[number % len(turns):] + turns[:number % len(turns)]
            for side, run in turns:
                samples[side].append(run())
        return {"name": name, "kind": kind, "samples": samples} | about

    @contextlib.contextmanager
    def peers(self, *starters):
        """Servers to compare with; one that is not installed is named and left out."""
        with contextlib.ExitStack() as stack:
            found = []
            for start in starters:
                try:
                    found.append(stack.enter_context(start()))
                except Missing as missing:
                    if str(missing) not in self.skipped:
                        self.skipped.append(str(missing))
            yield found


@dataclasses.dataclass
class Unmeasured:
    port: int
    name: str = "the origin"

    def cpu_seconds(self) -> float:
        return 0.0


class Client:
    def __init__(self, process: subprocess.Popen, what: str):
        self._process, self._what = process, what

    def wait_until_it_holds(self) -> None:
        if not self._process.stdout.readline():
            self._fail()

    def check_it_runs(self) -> None:
        """What is measured beside it would be measured beside nothing."""
        if self._process.poll() is not None:
            self._fail("ended too early")

    def result(self) -> dict:
        """At its end; a client that holds connections is told to let go."""
        output, errors = self._process.communicate(timeout=CLIENT_SECONDS)
        if self._process.returncode != 0:
            raise BenchError(f"{self._what}: {errors.strip()}")
        return json.loads(output)

    def _fail(self, what="failed"):
        _, errors = self._process.communicate(timeout=CLIENT_SECONDS)
        raise BenchError(f"{self._what} {what}: {errors.strip()}")


def compile_to(made: pathlib.Path, source: pathlib.Path) -> None:
    compiler = shutil.which("clang++-19") or shutil.which("c++")
    if not compiler:
        raise BenchError("no C++ compiler; deploy/packages build installs one")
    unfinished = made.with_name(f"{made.name}.{os.getpid()}")
    process = subprocess.Popen([compiler, "-std=c++20", "-O2", "-o", str(unfinished), str(source),
                                "-lssl", "-lcrypto"], start_new_session=True)
    try:
        if process.wait() != 0:
            raise BenchError(f"{source.name} does not compile")
        unfinished.rename(made)
    except BaseException:  # above all the exit that a signal asks for
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # a compiler has processes of its own
        process.wait()
        unfinished.unlink(missing_ok=True)
        raise


def fetch(server: Server, path: str) -> bytes:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request("GET", path)
    answer = link.getresponse()
    body = answer.read()
    link.close()
    if answer.status != 200:
        raise BenchError(f"{server.name} answered {path} with {answer.status}: {body[:200]!r}")
    return body


def check_content(server: Server, path: str, digest: str) -> None:
    """Not measured: speed with wrong bytes would be worth nothing. Also warms the page cache."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    link.request("GET", path)
    answer, found = link.getresponse(), hashlib.sha256()
    while block := answer.read(BLOCK):
        found.update(block)
    link.close()
    if answer.status != 200 or found.hexdigest() != digest:
        raise BenchError(f"{server.name} answered {path} with {answer.status} and wrong bytes")
