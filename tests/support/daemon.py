"""The daemon as tests run it: a process with its own ports and data folder, and both its streams.

A `Daemon` belongs to one test and ends with it, stopped by its own process id. `verdict` is what no
test may leave out: it did not crash, no sanitizer spoke, and no token is in what it wrote or shows.
"""
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import sqlite3
import ssl
import string
import subprocess
import time

from hub.ports import free_port

from .canary import Canaries

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
STOP_SECONDS = 45       # the daemon gives running transfers 30 seconds
MARKER = "tests-marker-"
MARK_SECONDS = 1        # a daemon that logs errors alone has no line for it
SANITIZER = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:")
# A proxy or a token of the person who runs the tests must not decide how they end.
FOREIGN = re.compile(r"^(HF_|HUBKEEP_|HUGGING|https?_proxy$|all_proxy$|no_proxy$)", re.IGNORECASE)


def binary() -> str:
    path = os.environ.get("HUBKEEP_BIN") or str(ROOT / "build/release/hubkeep")
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not there: build it, or name one in HUBKEEP_BIN")
    return path


def clean_env(extra: dict | None = None) -> dict:
    env = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    return env | (extra or {})


def new_token() -> str:
    letters = string.ascii_letters + string.digits
    return "hf_" + "".join(secrets.choice(letters) for _ in range(34))


def flag_args(flags: dict) -> list[str]:
    """`revisions_ttl="0s"` is `--revisions-ttl 0s`; None leaves a flag out."""
    args = []
    for name, value in flags.items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            args += ["--" + name.replace("_", "-"), text]
    return args


@dataclasses.dataclass
class AdminAnswer:
    status: int
    headers: dict[str, str]     # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)


class SocketFile(http.client.HTTPConnection):
    """A connection to a socket file."""

    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    def __init__(self, folder: pathlib.Path, flags: dict, env: dict | None = None, args=(),
                 secrets_kept=(), prefix=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        if "listen" in flags:
            self.port = int(flags["listen"].rpartition(":")[2])
        self.data_dir = pathlib.Path(flags.get("data_dir") or folder / "data")
        self._flags = {"listen": f"127.0.0.1:{self.port}",
                       "admin_listen": f"127.0.0.1:{self.admin_port}",
                       "data_dir": str(self.data_dir), "log_format": "json"} | flags
        self._env, self._args, self._prefix = env, list(args), list(prefix)
        self._secrets = [it for it in secrets_kept if it]
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        self._temp = folder / "tmp"
        self._temp.mkdir(exist_ok=True)
        self._process: subprocess.Popen | None = None
        self._ended_by_test = False

    def start(self) -> "Daemon":
        command = [*self._prefix, binary(), "serve", *flag_args(self._flags), *self._args]
        with open(self._stdout, "ab") as out, open(self._stderr, "ab") as err:
            env = clean_env({"TMPDIR": str(self._temp)} | (self._env or {}))
            self._process = subprocess.Popen(command, env=env, stdout=out, stderr=err,
                                             stdin=subprocess.DEVNULL)
        self._ended_by_test = False
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise RuntimeError(f"the daemon ended at once, {self._process.returncode}:\n"
                                   + self.output())
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"not ready after {START_SECONDS} s:\n{self.output()}")
            time.sleep(0.02)
        return self

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self._ended_by_test = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise TimeoutError(f"SIGTERM did not end the daemon:\n{self.output()}") from None

    def kill(self, number=signal.SIGKILL) -> int:
        """The exit code, which is the negative number of the signal."""
        self._ended_by_test = True
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def restart(self, **flags) -> "Daemon":
        """Stops it, if it runs, and starts it on the same ports and data with changed flags."""
        if self._process.poll() is None and (code := self.stop()) != 0:
            raise RuntimeError(f"the daemon ended with {code}:\n{self.output()}")
        self._flags |= flags
        return self.start()

    def age(self, seconds: int) -> "Daemon":
        """Stops it and starts it so much later: all that it knows was learnt that long ago."""
        if (code := self.stop()) != 0:
            raise RuntimeError(f"the daemon ended with {code}:\n{self.output()}")
        with contextlib.closing(sqlite3.connect(self.data_dir / "index.sqlite")) as index, index:
            columns = index.execute(
                "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
                " WHERE m.type = 'table' AND (c.name = 'at' OR c.name LIKE '%\\_at' ESCAPE '\\')")
            for table, column in columns.fetchall():
                index.execute(f"UPDATE {table} SET {column} = {column} - ?", (seconds,))
        return self.start()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    @property
    def scheme(self) -> str:
        return "https" if self._flags.get("tls_cert") else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def admin_token(self) -> str:
        file = self._flags.get("admin_token_file") or self.data_dir / "admin-token"
        return pathlib.Path(file).read_text().strip()

    @property
    def cli_args(self) -> list[str]:
        """What a verb of the command line has to be told to find this daemon and its token."""
        names = ("admin_listen", "admin_token_file", "data_dir")
        return flag_args({name: self._flags.get(name) for name in names})

    def admin(self, method: str, path: str, body=None, *, token=True, timeout=30,
              **headers) -> AdminAnswer:
        """One request to the admin listener; a `body` that is not text or bytes is sent as JSON.

        token=True shows the daemon's own, a text that one, None none. `sec_fetch_site="x"` is the
        header Sec-Fetch-Site; a header that is None is left out.
        """
        place = self._flags["admin_listen"]
        if place.startswith("unix:"):
            link = SocketFile(place.removeprefix("unix:"), timeout)
            token = None if token is True else token
        else:
            link = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        fields = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            fields["Authorization"] = f"Bearer {self.admin_token if token is True else token}"
        fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        try:
            link.request(method, path, body, {n: v for n, v in fields.items() if v is not None})
            reply = link.getresponse()
            seen = {name.lower(): value for name, value in reply.getheaders()}
            return AdminAnswer(reply.status, seen, reply.read())
        finally:
            link.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def peak_memory(self) -> int:
        """Bytes of resident memory at its highest (Linux, VmHWM)."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def log(self) -> str:
        return self._stderr.read_text(errors="replace")

    def output(self) -> str:
        """Both streams, for people."""
        return self._stdout.read_text(errors="replace") + self.log()

    def log_lines(self) -> list[dict]:
        """Lines of the log that are JSON objects, of all that has happened by now."""
        if self.running:
            self._mark_log()
        found = []
        for line in self.output().splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and not str(value.get("id")).startswith(MARKER):
                found.append(value)
        return found

    def _mark_log(self) -> None:
        """Lines are written by and by: when one of ours is there, all before it are, too."""
        marker = MARKER + secrets.token_hex(8)
        if self._probe("/-/livez", **{"X-Request-Id": marker}) is None:
            return
        deadline = time.monotonic() + MARK_SECONDS
        while marker not in self.output() and time.monotonic() < deadline:
            time.sleep(0.01)

    def access_log(self, **wanted) -> list[dict]:
        """One entry per request, those with the given fields only."""
        return [it for it in self.log_lines() if it.get("msg") == "request"
                and all(it.get(name) == value for name, value in wanted.items())]

    def verdict(self, tokens=()) -> list[str]:
        """Ends the daemon if it runs, and says what is wrong with how it lived.

        `tokens` may have been in requests; nobody may find them, nor its own, in what is left.
        """
        wrong = []
        if self._process is None:
            return wrong
        canaries = Canaries([*self._secrets, *tokens])
        if self.running:
            wrong += canaries.places(self.shown())
        if self._process.poll() is None:
            if (code := self.stop()) != 0:
                wrong.append(f"the daemon answered SIGTERM with exit code {code}")
        elif not self._ended_by_test:
            wrong.append(f"the daemon ended by itself with {self._process.returncode}")
        output = self.output()
        own = self.data_dir / "admin-token"
        if own.exists() and own.read_text().strip() in output:
            wrong.append("the token of administration is in the log")
        if SANITIZER.search(output):
            wrong.append("a sanitizer reported")
        wrong += canaries.places(self.written())
        return wrong + ([output[-8000:]] if wrong else [])

    def written(self):
        """What it wrote, apart from the blobs and the file that keeps tokens for it."""
        yield "the log", self.output().encode()
        for root in (self.data_dir, self._temp):
            for folder, folders, names in os.walk(root):
                folders[:] = [it for it in folders if it not in ("blobs", "partials")]
                for path in (pathlib.Path(folder, it) for it in names if it != "tokens.json"):
                    if path.is_file():      # a socket or a pipe would not end
                        yield str(path), path.read_bytes()

    def shown(self):
        """What it shows while it runs: its pages, and what the system tells others about it."""
        for name in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                yield f"/proc/PID/{name}", pathlib.Path(f"/proc/{self.pid}/{name}").read_bytes()
        for path in ("/metrics", "/status", "/-/readyz"):
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.admin("GET", path, timeout=5)
                yield f"the answer to {path}", str(answer.headers).encode() + answer.body

    def _probe(self, path: str, **headers) -> int | None:
        """The status of an answer that everybody gets; None when there is none."""
        try:
            if self.scheme == "https":
                context = ssl._create_unverified_context()
                link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=2,
                                                   context=context)
            else:
                link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            with contextlib.closing(link):
                link.request("GET", path, headers=headers)
                return link.getresponse().status
        except (OSError, http.client.HTTPException):
            return None

    def _is_ready(self) -> bool:
        return self._probe("/-/readyz") == 200
