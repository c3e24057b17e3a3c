"""What the fault tests share: requests that notice every cut, and a look into the store.

The clients here are plain: a library would repair, retry or hide what these tests are about. An
answer that was cut is a value, not an exception; only a hang is an exception, because no test may
take a hang for a cut. Nothing here outlives its test.
"""
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import http.client
import json
import pathlib
import re
import socket
import sqlite3
import struct
import time
import urllib.parse

from support.daemon import binary

MIB = 1024 * 1024
# What the Hub sends apart from the bytes of the files: redirects, error pages, JSON.
SLACK = 64 * 1024


@dataclasses.dataclass
class Answer:
    status: int | None      # None: the connection ended before there was a head
    headers: dict[str, str]
    body: bytes
    complete: bool

    def __repr__(self):
        end = "complete" if self.complete else "cut"
        return f"<{self.status} {len(self.body)} bytes, {end}, {self.headers}>"

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def failed(self) -> bool:
        """The client knows that it has no file: an error, or an end before the promised length."""
        return self.status is None or self.status >= 400 or not self.complete

    @property
    def is_hit(self) -> bool:
        return re.fullmatch(r"hubkeep; hit\b.*", self.header("cache-status") or "") is not None

    @property
    def warning(self) -> str | None:
        return self.header("x-hf-warning")

    def json(self):
        return json.loads(self.body)


def file_path(repo, path: str, revision="main", word="resolve") -> str:
    revision = urllib.parse.quote(revision, safe="")
    return f"/{repo.prefix}{repo.id}/{word}/{revision}/{urllib.parse.quote(path)}"


def ask(daemon, path: str, method="GET", *, timeout=30, body=None, source=None,
        **headers) -> Answer:
    """One request on its own connection; `if_range="x"` is the header If-Range.

    `source` is the address that it comes from, another one of this machine.
    """
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    link = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=timeout,
                                      source_address=(source, 0) if source else None)
    data, seen, status, complete = bytearray(), {}, None, False
    try:
        link.request(method, path, body, fields)
        reply = link.getresponse()
        status, seen = reply.status, {n.lower(): v for n, v in reply.getheaders()}
        while piece := reply.read(MIB):
            data += piece
        complete = True
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException):
        pass
    finally:
        link.close()
    if method != "HEAD" and status not in (None, 204, 304) and "content-length" in seen:
        complete = complete and len(data) == int(seen["content-length"])
    return Answer(status, seen, bytes(data), complete)


def together(work, items) -> list:
    """`work` of every item at once, each in a thread; results in order."""
    items = list(items)
    with concurrent.futures.ThreadPoolExecutor(max(1, len(items))) as pool:
        return list(pool.map(work, items))


def expect_file(answer: Answer, content, status=200) -> None:
    assert answer.status == status and answer.complete, answer
    assert same(answer.body, content.bytes()), f"wrong bytes in {answer}"


def same(left: bytes, right: bytes) -> bool:
    """For assertions: pytest would spend minutes on the difference of two large files."""
    return left == right


def wait_until(condition, what: str, seconds=10):
    """For what happens behind the last answer, where no barrier reaches."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return value


def next_second() -> None:
    """The store counts use in whole seconds, so an order of use needs a new one."""
    time.sleep(1.02 - time.time() % 1)


class Download:
    """A GET whose body the test reads at its own pace."""

    def __init__(self, daemon, path: str, receive_buffer=None, **headers):
        self._sock = socket.socket()
        self._sock.settimeout(30)
        if receive_buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sock.connect(("127.0.0.1", daemon.port))
        fields = "".join(f"{n.replace('_', '-')}: {v}\r\n" for n, v in headers.items())
        self._sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n"
                           f"{fields}\r\n".encode())
        self._unread = b""
        self._left = 0      # of the body

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def head(self) -> Answer:
        """The head of the answer; the body stays to be read."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._sock.recv(65536)
            if not piece:
                return Answer(None, {}, b"", False)
            data += piece
        head, _, self._unread = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        self._left = int(headers.get("content-length", 0))
        return Answer(int(first.split(" ")[1]), headers, b"", True)

    def read(self, size: int) -> bytes:
        """So many bytes of the body; fewer when it ends, or when it was cut."""
        size = min(size, self._left)
        data = bytearray(self._unread[:size])
        self._unread = self._unread[size:]
        while len(data) < size:
            try:
                piece = self._sock.recv(min(MIB, size - len(data)))
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
        self._left -= len(data)
        return bytes(data)

    def skip(self, size: int) -> int:
        """Like read(), for many readers: the kernel drops the bytes without copying (Linux)."""
        size = min(size, self._left)
        done = min(size, len(self._unread))
        self._unread = self._unread[done:]
        hole = bytearray(MIB)
        while done < size:
            count = self._sock.recv_into(hole, min(MIB, size - done), socket.MSG_TRUNC)
            if not count:
                break
            done += count
        self._left -= done
        return done

    def leave(self) -> None:
        """Goes away without a word, as a client that was killed."""
        if self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()


def exchange(daemon, data: bytes, timeout=10) -> tuple[bytes, bool]:
    """Everything that comes back for some raw bytes, and whether the daemon ended the connection.

    The client does not end it, so a daemon that waits for more is seen as one that kept it open.
    """
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=timeout) as sock:
        received = b""
        try:
            sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass        # the answer, if any, is still there to be read
        try:
            while piece := sock.recv(65536):
                received += piece
        except TimeoutError:
            return received, False
        except ConnectionResetError:
            pass
        return received, True


def statuses(received: bytes) -> list[int]:
    """The status of each answer in a stream of them."""
    return [int(it) for it in re.findall(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", received)]


# The store

def digest_of(kind: str, path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    if kind == "git-sha1":
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with open(path, "rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


def noted_partials(daemon) -> list[tuple[int, int]]:
    """Bytes and stretches of each partial that a kill would not lose."""
    with contextlib.closing(sqlite3.connect(f"file:{daemon.data_dir}/index.sqlite?mode=ro",
                                            uri=True)) as index:
        rows = index.execute("SELECT present, extents FROM partial").fetchall()
    return [(present, len(extents.split(","))) for present, extents in rows]


def published(daemon) -> set[str]:
    """The digests that the store holds, each file compared with its name."""
    found = set()
    for path in (daemon.data_dir / "blobs").rglob("*"):
        if path.is_file():
            kind = path.relative_to(daemon.data_dir / "blobs").parts[0]
            try:
                actual = digest_of(kind, path)
            except FileNotFoundError:
                continue    # it was evicted while we looked
            assert path.name == actual, f"{path} is named like another file: {actual}"
            assert path.parent.name == actual[:2], f"{path} lies in the wrong folder"
            found.add(actual)
    return found


def partials(daemon) -> list[pathlib.Path]:
    return [it for it in (daemon.data_dir / "partials").rglob("*") if it.is_file()]


def all_published(daemon, contents, seconds=10) -> None:
    """Publishing ends shortly after the last byte has left, and the flight a moment after that.

    Until then a reader still joins it, which is no hit; flights of other files may go on.
    """
    wanted = set(contents)
    wait_until(lambda: wanted <= published(daemon), "everything is in the store", seconds)
    deadline = time.monotonic() + 0.5
    while flights(daemon) and time.monotonic() < deadline:
        time.sleep(0.01)


def status_of(daemon) -> dict:
    return daemon.admin("GET", "/status", timeout=5).json()


def flights(daemon) -> int:
    return status_of(daemon)["flights"]


# The process

def clients_of(daemon) -> int:
    """Connections that clients have open to it now."""
    lines = pathlib.Path(f"/proc/{daemon.pid}/net/tcp").read_text().splitlines()[1:]
    sides = [(line.split()[1], line.split()[3]) for line in lines]
    return sum(state == "01" and int(local.partition(":")[2], 16) == daemon.port
               for local, state in sides)


def memory(daemon) -> int:
    """Bytes of resident memory now."""
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def is_sanitized() -> bool:
    """A build with a sanitizer says nothing about memory or speed."""
    data = pathlib.Path(binary()).read_bytes()
    return b"__asan_init" in data or b"__tsan_init" in data
