"""Messages that are made to burst a parser, from clients and from the Hub: the daemon lives on.

Sizes are those that were seen to kill servers built on the same libraries; memory may not grow with
any of them.
"""
import socket

import pytest

from fault.support import (MIB, all_published, ask, exchange, expect_file, file_path, is_sanitized,
                           memory, statuses)
from hub import Generated

GROWTH = 8 * MIB
CLOSING = b"Host: localhost\r\nConnection: close\r\n"
PATHS_INFO = b"POST /api/models/org/bomb/paths-info/main HTTP/1.1\r\n" + CLOSING
CHUNKED = PATHS_INFO + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b'{"paths":["config.json"]}'
GET = b"GET /org/bomb/resolve/main/config.json HTTP/1.1\r\n" + CLOSING


def chunk(data: bytes, extension=b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


def trailer(size: int) -> bytes:
    return CHUNKED + chunk(BODY) + b"0\r\nX-Bomb: " + b"b" * size + b"\r\n\r\n"


CLIENT_BOMBS = {
    "trailer-100k": trailer(100 * 1024),
    "trailer-10m": trailer(10 * MIB),
    "many-trailers": CHUNKED + chunk(BODY) + b"0\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n",
    "chunk-extension-100k": CHUNKED + chunk(BODY, b";x=" + b"e" * 100 * 1024) + b"0\r\n\r\n",
    "last-chunk-extension": CHUNKED + chunk(BODY) + b"0;x=" + b"e" * 100 * 1024 + b"\r\n\r\n",
    "many-extensions": CHUNKED + chunk(BODY, b";a=b" * 30_000) + b"0\r\n\r\n",
    "header-value-70k": GET + b"X-Bomb: " + b"b" * 70 * 1024 + b"\r\n\r\n",
    "header-value-10m": GET + b"X-Bomb: " + b"b" * 10 * MIB + b"\r\n\r\n",
    "header-name-70k": GET + b"X" * 70 * 1024 + b": b\r\n\r\n",
    "1500-headers": GET + b"".join(b"X-%d: m\r\n" % n for n in range(1500)) + b"\r\n",
    "1500-short-headers": GET + b"a:b\r\n" * 1500 + b"\r\n",
    "target-100k": b"GET /" + b"a" * 100 * 1024 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "target-10m": b"GET /" + b"a" * 10 * MIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no-line-end": b"G" * MIB,
    "empty-lines": b"\r\n" * 100_000 + GET + b"\r\n",
    "body-length-1e18": PATHS_INFO + b"Content-Length: 999999999999999999\r\n\r\n" + BODY,
    "body-10m": PATHS_INFO + b"Content-Length: %d\r\n\r\n" % (10 * MIB) + b"p" * 10 * MIB,
    "chunked-body-10m": CHUNKED + chunk(b"p" * MIB) * 10 + b"0\r\n\r\n",
    "one-byte-chunks": CHUNKED + chunk(b" ") * 200_000 + b"0\r\n\r\n",
    "huge-chunk-size": CHUNKED + b"fffffffffffffffe\r\n" + BODY,
    "chunk-size-overflow": CHUNKED + b"1" + b"0" * 16 + b"\r\n" + BODY,
    "deep-json": PATHS_INFO + b"Content-Type: application/json\r\nContent-Length: 500000\r\n\r\n"
                 + b"[" * 500_000,
    "binary": bytes(range(256)) * 4096,
    "tls-hello": bytes.fromhex("16030100") + b"\xf0" + b"\x01\x00" * 120,
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) * 100,
}


@pytest.fixture
def scene(hub, hubkeep):
    repo = hub.add_repo("model", "org/bomb", {"config.json": b"{}", "a.bin": Generated(MIB, "a")})
    daemon = hubkeep(hub, revisions_ttl="1h", upstream_stall_timeout="2s")
    assert ask(daemon, file_path(repo, "config.json")).status == 200
    expect_file(ask(daemon, file_path(repo, "a.bin")), repo.find("main").entries["a.bin"].content)
    return hub, daemon, repo


def expect_small_growth(daemon, before: int) -> None:
    if not is_sanitized():
        growth = memory(daemon) - before
        assert growth < GROWTH, f"memory grew by {growth / MIB:.1f} MiB"


def expect_alive(daemon, repo) -> None:
    assert daemon.running, daemon.log()[-2000:]
    assert ask(daemon, file_path(repo, "config.json")).body == b"{}"


def test_bombs_of_clients(scene):
    hub, daemon, repo = scene
    # One of each first, so that buffers and pools that are kept do not count as growth.
    for turn in range(2):
        before = memory(daemon)
        for name, data in CLIENT_BOMBS.items():
            received, ended = exchange(daemon, data, timeout=2)
            assert len(statuses(received)) <= 1 + data.count(b"GET "), f"{name}: {received[:300]}"
            first = statuses(received)[:1]
            assert first in ([], [200]) or 400 <= first[0] < 510, f"{name}: {received[:300]}"
            waits_for_more = b"\r\n\r\n" not in data or name == "huge-chunk-size"
            assert ended or first or waits_for_more, f"{name} was neither answered nor cut"
            assert daemon.running, f"{name} killed the daemon: {daemon.log()[-2000:]}"
    expect_small_growth(daemon, before)
    expect_alive(daemon, repo)


def test_oversize_requests_get_the_status_that_says_so(scene):
    _, daemon, _ = scene
    for name, wanted in (("header-value-70k", 431), ("1500-headers", 431), ("target-100k", 414),
                         ("header-name-70k", 431)):
        received, ended = exchange(daemon, CLIENT_BOMBS[name], timeout=5)
        # The answer may be lost with the bytes that nobody wanted to read (RFC 9112, 9.6).
        assert statuses(received) in ([wanted], []) and ended, f"{name}: {received[:200]}"


def test_the_last_chunk_in_single_bytes(scene):
    """Split like this, the end of a body aborts some parsers."""
    _, daemon, repo = scene
    tails = (b"0\r\n\r\n", b"0;a=b\r\nX-Trailer: t\r\n\r\n")
    for tail in tails:
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(CHUNKED + chunk(BODY))
            for at in range(len(tail)):
                sock.sendall(tail[at:at + 1])
            received = sock.recv(65536)
        assert statuses(received) == [200], received
    whole = CHUNKED + chunk(BODY) + tails[0]
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(whole)):
            sock.sendall(whole[at:at + 1])
        assert statuses(sock.recv(65536)) == [200]
    expect_alive(daemon, repo)


def chunked_answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body


JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
UPSTREAM_BOMBS = {
    "trailer-100k": ("trailer_bomb", {"size": 100 * 1024}),
    "trailer-10m": ("trailer_bomb", {"size": 10 * MIB}),
    "many-trailers": ("trailer_bomb", {"size": 10, "count": 50_000}),
    "header-70k": ("header_bomb", {}),
    "header-10m": ("header_bomb", {"size": 10 * MIB}),
    "1500-headers": ("many_headers", {}),
    "interim-storm": ("interim", {}),
    "protocol-change": ("switch", {}),
    "chunk-extension": ("raw", {"data": chunked_answer(
        b"5;x=" + b"e" * 100 * 1024 + b"\r\nhello\r\n0\r\n\r\n")}),
    "endless-chunk-size": ("raw", {"data": chunked_answer(b"0" * MIB)}),
    "huge-chunk": ("raw", {"data": chunked_answer(b"fffffffffffffffe\r\nx")}),
    "negative-length": ("raw", {"data": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"}),
    "two-lengths": ("raw", {"data": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                                    b"Content-Length: 7\r\n\r\nhello"}),
    "length-2e64": ("raw", {"data": b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617"
                                    b"\r\n\r\nhello"}),
    "length-and-chunked": ("raw", {"data": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                                           b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}),
    "status-999": ("raw", {"data": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"}),
    "status-99": ("raw", {"data": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"}),
    "no-http": ("raw", {"data": b"\x00\x01\x02 garbage\r\n\r\n"}),
    "no-end-of-head": ("raw", {"data": b"HTTP/1.1 200 OK\r\nX: " + b"y" * MIB}),
    "204-with-body": ("raw", {"data": b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"}),
}
JSON_BOMBS = {
    "deep": JSON_HEAD + b"Content-Length: 2000000\r\n\r\n" + b"[" * 2_000_000,
    "deep-objects": JSON_HEAD + b"Content-Length: 1000000\r\n\r\n" + b'{"a":' * 200_000,
    "not-json": JSON_HEAD + b"Content-Length: 5\r\n\r\nhello",
    "wrong-type": JSON_HEAD + b"Content-Length: 4\r\n\r\n1234",
    "nulls": JSON_HEAD + b"Content-Length: 11\r\n\r\n[null,null]",
    "bad-utf8": JSON_HEAD + b'Content-Length: 8\r\n\r\n["\xff\xfe"]\n',
    "long-number": JSON_HEAD + b"Content-Length: 100002\r\n\r\n[" + b"9" * 100_000 + b"]",
    "gzip": JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
}


def test_bombs_of_the_cdn(scene):
    hub, daemon, repo = scene
    before = 0
    for turn in range(2):
        before = memory(daemon)
        for name, (kind, options) in UPSTREAM_BOMBS.items():
            content = Generated(300_000, f"{name} {turn}")
            repo.commit({f"{turn}/{name}.bin": content}, branch=f"b{turn}")
            fault = hub.fault(content.sha256, kind, origin="cdn", **options)
            path = file_path(repo, f"{turn}/{name}.bin", repo.refs[f"refs/heads/b{turn}"])
            answer = ask(daemon, path)
            assert daemon.running, f"{name} killed the daemon: {daemon.log()[-2000:]}"
            assert fault.used == 1, f"{name} was not used"
            if answer.failed:
                assert answer.header("x-error-code") is None, f"{name}: {answer}"
                answer = ask(daemon, path)
            expect_file(answer, content)
            all_published(daemon, [content.sha256])
    expect_small_growth(daemon, before)
    expect_alive(daemon, repo)


@pytest.mark.parametrize("route", ("head", "tree", "passed on"))
def test_bombs_of_the_hub(scene, route):
    """As an answer about a file, as a listing, and as something that is only passed on."""
    hub, daemon, repo = scene
    bombs = dict(UPSTREAM_BOMBS)
    if route != "head":
        bombs |= {f"json-{name}": ("raw", {"data": data}) for name, data in JSON_BOMBS.items()}
    before = memory(daemon)
    for number, (name, (kind, options)) in enumerate(bombs.items()):
        text = f"probe-{number}"
        path = {"head": file_path(repo, f"{text}.json"),
                "tree": f"/api/models/{repo.id}/tree/main/{text}",
                "passed on": f"/api/models/{repo.id}/discussions/{text}"}[route]
        fault = hub.fault(text, kind, origin="hub", times=None, **options)
        answer = ask(daemon, path, "HEAD" if route == "head" else "GET")
        assert daemon.running, f"{name} killed the daemon: {daemon.log()[-2000:]}"
        if fault.used:
            fine = answer.status in (200, 204) and kind in ("trailer_bomb", "interim", "raw")
            assert answer.failed or fine or answer.status == 404, f"{name}: {answer}"
        fault.times = 0
    if not is_sanitized():
        assert memory(daemon) - before < 2 * GROWTH
    expect_alive(daemon, repo)
