"""HTTP/1.1 as the origins speak it (RFC 9112), on asyncio streams.

Written by hand, because a fault must be able to break any part of an answer, and because a
careless request of the proxy must be refused here, not repaired by a library. A `Reply` lives for
one answer; `steps` are the places where a fault or a gate takes hold of the body.
"""
import asyncio
import dataclasses
import fcntl
import json
import socket
import struct
import termios
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable

from .content import Bytes, Content, OnDisk

MAX_HEAD = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
SEND_STEP = 8 * 1024 * 1024
REASONS = {100: "Continue", 101: "Switching Protocols", 103: "Early Hints", 200: "OK",
           204: "No Content", 206: "Partial Content", 302: "Found", 304: "Not Modified",
           307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 416: "Range Not Satisfiable",
           429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class BadRequest(Exception):
    pass


class Cut(Exception):
    """The answer ends here: by reset, or by an orderly close that leaves it short."""

    def __init__(self, reset=False):
        self.reset = reset


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def params(self) -> dict[str, list[str]]:
        """Query parameters; `name[]=x` counts as `name=x`."""
        found: dict[str, list[str]] = {}
        for name, value in urllib.parse.parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name.removesuffix("[]"), []).append(value)
        return found

    def param(self, name: str, default: str = "") -> str:
        return self.params.get(name, [default])[-1]

    def flag(self, name: str) -> bool:
        return self.param(name).lower() in ("true", "1")


Step = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


@dataclasses.dataclass
class Reply:
    status: int = 200
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    body: Content = dataclasses.field(default_factory=lambda: Bytes(b""))
    start: int = 0
    stop: int | None = None
    framing: str = "length"         # or "chunked", or "close"
    length: int | None = None       # what Content-Length claims, when not the truth
    preface: bytes = b""            # raw bytes before the status line
    trailers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    steps: list[Step] = dataclasses.field(default_factory=list)
    raw: bytes | None = None        # these bytes and nothing else
    cut_before_head: bool = False

    def set(self, name: str, value: str | None) -> "Reply":
        self.headers = [it for it in self.headers if it[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self

    def get(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    @property
    def end(self) -> int:
        return self.body.size if self.stop is None else self.stop

    @property
    def body_size(self) -> int:
        return self.end - self.start


def text(status: int, body: str, kind="text/plain; charset=utf-8", **headers) -> Reply:
    pairs = [(name.replace("_", "-"), str(value)) for name, value in headers.items()]
    return Reply(status, [("Content-Type", kind), *pairs], Bytes(body.encode()))


def document(value, status=200, **headers) -> Reply:
    """In the form of JavaScript's JSON.stringify, byte for byte as the Hub sends it."""
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text(status, compact, "application/json; charset=utf-8", **headers)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    """The next request of a connection, or None when the peer is done."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("header section too large") from None
    request = parse_head(head)
    if request.header("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        request.body = await read_body(reader, request)
    except ValueError:
        raise BadRequest("malformed body") from None
    return request


def parse_head(head: bytes) -> Request:
    try:
        first, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError:
        raise BadRequest("malformed request line") from None
    if version != "HTTP/1.1" or not target.startswith("/"):
        raise BadRequest("not an HTTP/1.1 request in origin form")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or any(c < " " for c in value):
            raise BadRequest("malformed header field")
        if name.lower() in headers:
            raise BadRequest(f"{name} was sent twice")
        headers[name.lower()] = value.strip(" \t")
    if not headers.get("host"):
        raise BadRequest("no Host")
    path, _, query = target.partition("?")
    return Request(method, path, query, headers)


async def read_body(reader: asyncio.StreamReader, request: Request) -> bytes:
    coding, length = request.header("transfer-encoding"), request.header("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise BadRequest("ambiguous framing")
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            if len(body) + size > MAX_BODY:
                raise BadRequest("body too large")
            body += (await reader.readexactly(size + 2))[:-2]
        while (await reader.readline()).strip():
            pass
        return body
    if length is None:
        return b""
    if not length.isdigit() or int(length) > MAX_BODY:
        raise BadRequest("bad Content-Length")
    return await reader.readexactly(int(length))


class Pace:
    """A rate in bytes per second, shared by everybody who takes from it."""

    def __init__(self, rate: float):
        self.rate = rate
        self.step = max(1, min(SEND_STEP, int(rate / 20)))
        self._free_at = 0.0

    async def take(self, size: int) -> None:
        self._free_at = max(self._free_at, time.monotonic()) + size / self.rate
        await asyncio.sleep(self._free_at - time.monotonic())


def head_of(reply: Reply) -> bytes:
    reason = REASONS.get(reply.status, "Unknown")
    lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{n}: {v}" for n, v in reply.headers)]
    if reply.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    elif reply.framing == "length" and reply.status not in (204, 304) and reply.status >= 200:
        length = reply.body_size if reply.length is None else reply.length
        lines.append(f"Content-Length: {length}")
    if reply.framing == "close":
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def send(reply: Reply, request: Request, writer, record, pace: Pace | None) -> bool:
    """Sends an answer; True when the connection may be used again."""
    if reply.cut_before_head:
        raise Cut(reset=False)
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        return False
    writer.write(reply.preface + head_of(reply))
    await writer.drain()
    if request.method == "HEAD" or reply.status in (204, 304):
        return reply.framing != "close"
    on_disk = isinstance(reply.body, OnDisk) and not reply.steps and reply.framing == "length"
    if on_disk and writer.get_extra_info("ssl_object") is None:
        await _send_file(reply, writer, record, pace)
    else:
        await _send_body(reply, writer, record, pace)
    lied = reply.length is not None and reply.length != reply.body_size
    return reply.framing != "close" and not lied


async def _send_file(reply: Reply, writer, record, pace: Pace | None) -> None:
    loop, step = asyncio.get_running_loop(), pace.step if pace else SEND_STEP
    with open(reply.body.path, "rb") as file:
        for at in range(reply.start, reply.end, step):
            size = min(step, reply.end - at)
            if pace:
                await pace.take(size)
            # Before they leave: who has received them may ask for the count at once.
            record.bytes_sent += size
            try:
                await loop.sendfile(writer.transport, file, at, size)
            except BaseException:
                record.bytes_sent -= size
                raise


async def _send_body(reply: Reply, writer, record, pace: Pace | None) -> None:
    step = min(pace.step, 256 * 1024) if pace else 256 * 1024

    async def plain():
        for chunk in reply.body.chunks(reply.start, reply.end, step):
            yield chunk

    stream = plain()
    for wrap in reply.steps:
        stream = wrap(stream)
    async for chunk in stream:
        if pace:
            await pace.take(len(chunk))
        framed = b"%x\r\n%s\r\n" % (len(chunk), chunk) if reply.framing == "chunked" else chunk
        if chunk:
            record.bytes_sent += len(chunk)
            writer.write(framed)
            await writer.drain()
    if reply.framing == "chunked":
        tail = "".join(f"{n}: {v}\r\n" for n, v in reply.trailers)
        writer.write(b"0\r\n" + tail.encode("latin-1") + b"\r\n")
        await writer.drain()


async def hang_up(writer, reset: bool) -> None:
    """Closes after everything written has left, so that a cut is at the byte it was asked for."""
    if not reset:
        writer.close()
        return
    sock = writer.get_extra_info("socket")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and not writer.transport.is_closing():
        unsent = writer.transport.get_write_buffer_size()
        unacked = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
        if not unsent and not unacked:
            break
        await asyncio.sleep(0.002)
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
