"""Faults and gates: what a test asks an origin to do wrong, and where to wait.

A fault is armed by the test's thread and spent by the server's; `times` counts the answers that it
may still spoil. Faults of the body wait for an answer that has one (a GET or POST with status 200
or 206), faults of ranges for one with status 206, so a redirect on the way does not use them up.
"""
import asyncio
import dataclasses
import gzip
import re
import threading
from collections.abc import Callable

from .content import Bytes
from .wire import Cut, Pace, Reply, Request

BODY = {"cut", "stall", "wrong_byte", "short", "slow", "no_length", "trailer_bomb", "extra_bytes",
        "chunked", "gzip"}
RANGE = {"ignore_range", "bad_content_range", "wrong_total"}
ANY = {"status", "other_etag", "expired", "html", "header_bomb", "many_headers", "early_close",
       "redirect", "interim", "switch", "raw"}


@dataclasses.dataclass
class Fault:
    kind: str
    path: str | None = None
    origin: str | None = None
    method: str | None = None
    times: int | None = None
    options: dict = dataclasses.field(default_factory=dict)
    used: int = 0

    def __post_init__(self):
        if self.kind not in BODY | RANGE | ANY:
            raise ValueError(f"no such fault: {self.kind}")
        if self.kind == "expired" and self.origin is None:
            self.origin = "cdn"

    def fits(self, origin: str, request: Request, reply: Reply) -> bool:
        if self.times is not None and self.used >= self.times:
            return False
        if self.origin not in (None, origin) or self.method not in (None, request.method):
            return False
        if self.path and not re.search(self.path, request.path):
            return False
        good = reply.status in (200, 206)
        if self.kind in BODY:
            return good and request.method != "HEAD" and reply.body_size > 0
        if self.kind in RANGE:
            return reply.status == 206
        return good if self.kind == "other_etag" else True

    def apply(self, reply: Reply) -> Reply:
        self.used += 1
        return getattr(self, "_" + self.kind)(reply, **self.options) or reply

    # Faults of the body. `at` counts bytes of this answer's body, except in wrong_byte.

    def _cut(self, reply, at, reset=True):
        async def step(stream):
            async for chunk in _until(stream, at):
                yield chunk
            raise Cut(reset)
        reply.steps.append(step)

    def _stall(self, reply, at, seconds):
        async def step(stream):
            sent = 0
            async for chunk in stream:
                if sent <= at < sent + len(chunk):
                    yield chunk[:at - sent]
                    await asyncio.sleep(seconds)
                    yield chunk[at - sent:]
                else:
                    yield chunk
                sent += len(chunk)
        reply.steps.append(step)

    def _wrong_byte(self, reply, at):
        """Flips one bit of the byte at offset `at` of the file, in every answer that holds it."""
        async def step(stream):
            offset = reply.start
            async for chunk in stream:
                if offset <= at < offset + len(chunk):
                    spoiled = bytearray(chunk)
                    spoiled[at - offset] ^= 1
                    chunk = bytes(spoiled)
                offset += len(chunk)
                yield chunk
        reply.steps.append(step)

    def _short(self, reply, by=1):
        """The whole answer is consistent, only shorter than the object should be."""
        reply.stop = max(reply.start, reply.end - by)
        reply.length = reply.body_size
        if reply.status == 206:
            first = reply.start
            reply.set("Content-Range", f"bytes {first}-{reply.end - 1}/{reply.body.size}")

    def _extra_bytes(self, reply, data=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"):
        """More bytes than Content-Length says: on a kept connection they are the next answer."""
        reply.length = reply.body_size

        async def step(stream):
            async for chunk in stream:
                yield chunk
            yield data
        reply.steps.append(step)

    def _slow(self, reply, rate):
        async def step(stream):
            pace = Pace(rate)
            async for chunk in stream:
                for at in range(0, len(chunk), pace.step):
                    piece = chunk[at:at + pace.step]
                    await pace.take(len(piece))
                    yield piece
        reply.steps.append(step)

    def _no_length(self, reply):
        reply.framing = "close"

    def _chunked(self, reply, at=None):
        """Chunked; with `at`, closed after that many bytes without the last chunk."""
        reply.framing = "chunked"
        if at is not None:
            self._cut(reply, at, reset=False)

    def _trailer_bomb(self, reply, size=100 * 1024, count=1):
        reply.framing = "chunked"
        reply.trailers = [(f"X-Bomb-{n}", "b" * size) for n in range(count)]

    def _gzip(self, reply):
        """Compressed although nobody asked for it."""
        reply.body = Bytes(gzip.compress(reply.body.read(reply.start, reply.body_size)))
        reply.start, reply.stop = 0, None
        reply.set("Content-Encoding", "gzip")

    # Faults of ranges

    def _ignore_range(self, reply):
        reply.status, reply.start, reply.stop = 200, 0, None
        reply.set("Content-Range", None)

    def _bad_content_range(self, reply, value=None):
        """The right bytes under a wrong label: by default shifted by one."""
        shifted = f"bytes {reply.start + 1}-{reply.end}/{reply.body.size + 1}"
        reply.set("Content-Range", value or shifted)

    def _wrong_total(self, reply, total=None):
        total = reply.body.size + 1 if total is None else total
        reply.set("Content-Range", f"bytes {reply.start}-{reply.end - 1}/{total}")

    # Faults of the whole answer

    def _status(self, reply, code=503, headers=None, body=b"upstream trouble"):
        body = body if isinstance(body, bytes) else body.encode()
        return Reply(code, list((headers or {}).items()), Bytes(body))

    def _other_etag(self, reply, etag='"' + "0" * 64 + '"'):
        reply.set("ETag", etag)

    def _expired(self, reply):
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return Reply(403, [("Content-Type", "application/xml")], Bytes(body))

    def _html(self, reply, body=b"<!doctype html><title>Log in to this network</title>"):
        return Reply(200, [("Content-Type", "text/html")], Bytes(body))

    def _redirect(self, reply, location, code=302):
        return Reply(code, [("Location", location)])

    def _header_bomb(self, reply, size=70 * 1024):
        reply.set("X-Bomb", "b" * size)

    def _many_headers(self, reply, count=1500):
        reply.headers += [(f"X-Many-{n}", "m") for n in range(count)]

    def _early_close(self, reply):
        reply.cut_before_head = True

    def _interim(self, reply, count=10000, code=103):
        reply.preface = b"HTTP/1.1 %d Early Hints\r\n\r\n" % code * count

    def _switch(self, reply):
        return Reply(101, [("Upgrade", "websocket"), ("Connection", "Upgrade")])

    def _raw(self, reply, data):
        reply.raw = data


async def _until(stream, at: int):
    async for chunk in stream:
        if at <= len(chunk):
            yield chunk[:at]
            return
        at -= len(chunk)
        yield chunk


class Event:
    """Something that happens at the Hub just before it answers the `at`-th fitting request, or
    each of them.

    It runs on the server's thread while the test's waits for an answer, so that no request can
    come between."""

    def __init__(self, action: Callable[[], object], path: str, at: int | None, origin="hub",
                 method=None):
        if at is not None and at < 1:
            raise ValueError("requests are counted from one")
        self.action, self.path, self.at = action, path, at
        self.origin, self.method = origin, method
        self.seen = 0

    @property
    def happened(self) -> bool:
        return self.seen >= (self.at or 1)

    def notice(self, origin: str, request: Request) -> None:
        if (self.origin in (None, origin) and self.method in (None, request.method)
                and re.search(self.path, request.path)):
            self.seen += 1
            if self.at in (None, self.seen):
                self.action()


class Gate:
    """A barrier in the server: fitting requests wait here, before the answer or, with `at`, after
    that many bytes of its body, until the test opens it."""

    def __init__(self, loop, path: str, origin=None, method=None, at: int | None = None):
        self.path, self.origin, self.method, self.at = path, origin, method, at
        self._loop = loop
        self._opened = asyncio.Event()
        self._changed = threading.Condition()
        self._arrived = 0

    @property
    def arrived(self) -> int:
        return self._arrived

    def wait_arrived(self, count: int = 1, timeout: float = 10) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrived >= count, timeout):
                raise TimeoutError(f"{self._arrived} of {count} arrived at gate {self.path}")

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self._opened.set)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()

    def fits(self, origin: str, request: Request) -> bool:
        return (self.origin in (None, origin) and self.method in (None, request.method)
                and re.search(self.path, request.path) is not None)

    async def hold(self) -> None:
        with self._changed:
            self._arrived += 1
            self._changed.notify_all()
        await self._opened.wait()

    def step(self, stream):
        return self._held(stream)

    async def _held(self, stream):
        left = self.at
        async for chunk in stream:
            if left is not None and left <= len(chunk):
                yield chunk[:left]
                await self.hold()
                chunk, left = chunk[left:], None
            elif left is not None:
                left -= len(chunk)
            yield chunk
