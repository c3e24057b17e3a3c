"""Requests that two readers may understand differently: refused, or understood as exactly one.

Each case hides a second request where a careless reader would find it. After the case the client
sends a last, clean request on the same connection; a daemon that has refused closes before that.
What the Hub receives is the proof: the hidden request must never arrive there.
"""
import pytest

from fault.support import ask, exchange, file_path, statuses

HIDDEN = b"GET /api/models?search=hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /-/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
POST = b"POST /api/models/org/repo/paths-info/main HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /org/repo/resolve/main/config.json HTTP/1.1\r\n"
CHUNKED_HIDDEN = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
EMPTY_CHUNKED = b"0\r\n\r\n" + HIDDEN


def te(value: bytes) -> bytes:
    return b"Transfer-Encoding: " + value + b"\r\n"


def with_te(value: bytes) -> bytes:
    """A coding that is not plainly `chunked`: whoever drops it sees the hidden request next."""
    return POST + te(value) + b"\r\n" + EMPTY_CHUNKED


def with_te_and_length(coding: bytes, first=True) -> bytes:
    length = b"Content-Length: %d\r\n" % len(EMPTY_CHUNKED)
    return POST + (coding + length if first else length + coding) + b"\r\n" + EMPTY_CHUNKED


CODINGS = (
    b"gzip", b"identity", b"chunked, gzip", b"gzip, chunked", b"chunked, chunked", b"xchunked",
    b"chunked;q=1", b",chunked", b"chunked,", b"\"chunked\"", b"x chunked", b"chunked x",
    b"chunked\x0b", b"\x0bchunked", b"chunked\x00", b"chunk\xc3\xa9d", b"", b"deflate",
    b"chunked;", b"chun\tked", b"cow", b"null", b"[chunked]", b"'chunked'", b"chunked-false")
LOOK_ALIKES = (
    b"Transfer_Encoding", b"Transfer-Encoding ", b" Transfer-Encoding", b"TransferEncoding",
    b"Transfer-Encoding\t", b"\tTransfer-Encoding", b"Transfer\x00-Encoding",
    b"Transfer-Encoding\x01", b"Transfer Encoding", b"Transfer--Encoding",
    b"X: y\rTransfer-Encoding", b"X: y\nTransfer-Encoding")
LENGTHS = (
    b"+5", b"-5", b"0x5", b"5, 5", b"5 5", b"5.0", b"5e0", b"", b" ", b"5,", b"\xb2",
    b"18446744073709551621", b"99999999999999999999999", b"5\x0b", b"1_000", b"0 5", b"five",
    b"5;6")
BAD_CHUNKS = (
    b"0x0\r\n\r\n", b"+0\r\n\r\n", b"-0\r\n\r\n", b" 0\r\n\r\n", b"0 \r\n\r\n", b"0\n\n",
    b"0\r\r\n\r\n", b"\r\n0\r\n\r\n", b"1;\nx\r\n0\r\n\r\n", b"1\r\nxy\r\n0\r\n\r\n",
    b"1\r\nx0\r\n\r\n", b"1\nx\n0\r\n\r\n", b"\x30\x00\r\n\r\n", b"g\r\n\r\n", b";\r\n\r\n",
    b"10000000000000000\r\n\r\n", b"1;a=\"\r\n\"\r\nx\r\n0\r\n\r\n", b"1;a\rb\r\nx\r\n0\r\n\r\n",
    b"0\r\nX: y\n\r\n", b"0_0\r\n\r\n", b"1\r\nx\r0\r\n\r\n")
HOSTS = (
    b"", b"Host: a\r\nHost: b\r\n", b"Host: x\r\nHost: x\r\n", b"Host:\r\n", b"Host: a/b\r\n",
    b"Host: a b\r\n", b"Host: user@x\r\n", b"Host: x?y\r\n", b"Host: x#y\r\n", b"Host: x:y\r\n",
    b"Host: x:99999\r\n", b"Host: a,b\r\n", b"Host : x\r\n", b"Host: x\x00\r\n", b"Host: [::1\r\n",
    b"Host: x\\y\r\n", b"Host: x\r\n Host: y\r\n", b"Host: <x>\r\n")
FIRST_LINES = (
    b"GET http://evil/ HTTP/1.1", b"GET evil:80 HTTP/1.1", b"CONNECT evil:80 HTTP/1.1",
    b"GET * HTTP/1.1", b"GET / HTTP/1.2", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTP/1.1 ",
    b"GET  / HTTP/1.1", b"GET\t/ HTTP/1.1", b"GET /\tHTTP/1.1", b" GET / HTTP/1.1",
    b"GET / http/1.1", b"GET / HTTP/1,1", b"GET / HTTP/11", b"GET / HTTP/1.10", b"GET / XTTP/1.1",
    b"GET /", b"GET /a b HTTP/1.1", b"GET /a#b HTTP/1.1", b"GET /a\\b HTTP/1.1",
    b"GET /\x00 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"G\x00T / HTTP/1.1", b"G(T / HTTP/1.1",
    b"/ HTTP/1.1", b"GET HTTP/1.1", b"GET /\r / HTTP/1.1", b"\x16\x03\x01", b"GET @evil/ HTTP/1.1")
FIELDS = (
    b"X: a\r\n b\r\n", b"X: a\r\n\tb\r\n", b" X: a\r\n", b"X : a\r\n", b"X\r\n", b": a\r\n",
    b"X: a\x00b\r\n", b"X: a\rb\r\n", b"X: a\x0bb\r\n", b"X: a\x7f\r\n", b"X(y): a\r\n",
    b"X,y: a\r\n", b"X\xe9: a\r\n", b"X: a\nY: b\r\n", b"X: a\n\nGET /hidden HTTP/1.1\r\n",
    b"Connection: Content-Length\r\n", b"Connection: close, Host\r\n",
    b"Connection: Transfer-Encoding\r\n")
LENGTH_5 = b"Content-Length: 5\r\n"

# case -> raw bytes that must be refused, with an error and the end of the connection
REFUSED = {
    **{f"coding {it!r}": with_te(it) for it in CODINGS},
    **{f"length, then coding {it!r}": with_te_and_length(te(it), first=False) for it in CODINGS},
    **{f"coding {it!r}, then length": with_te_and_length(te(it)) for it in CODINGS},
    **{f"look-alike {it!r}": with_te_and_length(it + b": chunked\r\n") for it in LOOK_ALIKES},
    **{f"length {it!r}": POST + b"Content-Length: " + it + b"\r\n\r\n" + HIDDEN for it in LENGTHS},
    **{f"chunk {it!r}": POST + te(b"chunked") + b"\r\n" + it + HIDDEN for it in BAD_CHUNKS},
    **{f"host {it!r}": GET + it + b"\r\n" for it in HOSTS},
    **{f"first line {it!r}": it + b"\r\nHost: localhost\r\n\r\n" for it in FIRST_LINES},
    **{f"field {it!r}": GET + b"Host: localhost\r\n" + it + b"\r\n" for it in FIELDS},
    "chunked and length": with_te_and_length(te(b"chunked")),
    "length and chunked": with_te_and_length(te(b"chunked"), first=False),
    "chunked twice": with_te(b"chunked\r\nTransfer-Encoding: chunked"),
    "chunked, then identity": with_te(b"chunked\r\nTransfer-Encoding: identity"),
    "folded coding": with_te(b"\r\n chunked"),
    "folded coding, 2": with_te(b"chunked\r\n , identity"),
    "chunked in HTTP/1.0": with_te(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "two lengths": POST + LENGTH_5 + b"Content-Length: 6\r\n\r\n" + HIDDEN,
    "the same length twice": POST + LENGTH_5 * 2 + b"\r\nhello" + HIDDEN,
    "length under another name": POST + b"Content_Length: 0\r\n" + LENGTH_5 + b"\r\nhello" + HIDDEN,
    "GET with a body": GET + b"Host: localhost\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "GET with chunks": GET + b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_HIDDEN,
    "bare line feeds": GET.replace(b"\r\n", b"\n") + b"Host: localhost\n\n" + HIDDEN,
    "bare carriage returns": GET.replace(b"\r\n", b"\r") + b"Host: localhost\r\r" + HIDDEN,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
# case -> raw bytes that are one request, or several, by every reading
UNDERSTOOD = {
    "plain": GET + b"Host: localhost\r\n\r\n",
    "length": POST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "chunked": POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED_HIDDEN,
    "Chunked": POST + b"Transfer-Encoding: ChunKed\r\n\r\n" + CHUNKED_HIDDEN,
    "trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED_HIDDEN[:-2]
                + b"Host: evil\r\nContent-Length: 5\r\n\r\n",
    "upgrade that is not offered": GET + b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "space before a value": GET + b"Host: \t localhost \t\r\n\r\n",
    "empty line first": b"\r\n" + GET + b"Host: localhost\r\n\r\n",
}


@pytest.fixture
def scene(hub, hubkeep):
    repo = hub.add_repo("model", "org/repo", {"config.json": b"{}"})
    daemon = hubkeep(hub, token=True, revisions_ttl="1h")
    assert ask(daemon, file_path(repo, "config.json")).body == b"{}"
    hub.reset_counts()
    return hub, daemon, repo


def hidden_requests(hub):
    return [it for it in hub.requests if "hidden" in it.query + it.path or it.method == "?"]


@pytest.mark.parametrize("group", sorted({it.split(" ")[0] for it in REFUSED}))
def test_refused_and_closed(scene, group):
    hub, daemon, repo = scene
    cases = {name: data for name, data in REFUSED.items() if name.split(" ")[0] == group}
    wrong = []
    for name, data in cases.items():
        received, ended = exchange(daemon, data + LAST, timeout=3)
        found = statuses(received)
        if found not in ([400], [501], [505], [431], [405]) or not ended:
            wrong.append(f"{name}: {found}, {'closed' if ended else 'kept open'}: {received[:120]}")
        if hidden_requests(hub):
            wrong.append(f"{name}: the hidden request reached the Hub")
            hub.reset_counts()
    assert not wrong, "\n".join(wrong)
    assert ask(daemon, file_path(repo, "config.json")).body == b"{}"


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_one_request_is_one_request(scene, name):
    hub, daemon, _ = scene
    received, ended = exchange(daemon, UNDERSTOOD[name] + LAST, timeout=5)
    found = statuses(received)
    assert len(found) == 2 and found[1] == 200 and ended, received
    assert found[0] in ((200,) if UNDERSTOOD[name].lstrip().startswith(b"GET") else (200, 400))
    assert not hidden_requests(hub)


def test_100_pipelined_requests_are_answered_in_order(scene):
    _, daemon, _ = scene
    requests = b"".join(b"GET /-/livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\n\r\n" % n
                        for n in range(100))
    received, ended = exchange(daemon, requests + LAST)
    ids = [it.split(b"\r\n")[0] for it in received.split(b"X-Request-Id: ")[1:]]
    assert ids[:100] == [b"n%d" % n for n in range(100)] and len(ids) == 101 and ended


def test_nothing_of_a_client_s_framing_reaches_the_hub(scene):
    """Requests to the Hub are made of parsed values: one question is one request there."""
    hub, daemon, _ = scene
    data = (b"GET /api/models?search=first HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
            b"Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nProxy-Connection: x\r\n"
            b"Trailer: X\r\nExpect: 100-continue\r\n\r\n")
    received, _ = exchange(daemon, data + LAST)
    assert statuses(received)[-1] == 200
    for record in hub.requests:
        names = {"te", "keep-alive", "x-secret", "proxy-connection", "trailer", "expect", "upgrade"}
        assert not names & set(record.headers), record.headers


TARGETS = ("/api/models?search=a%0d%0aX-Injected:%201", "/api/models?search=a%20HTTP/1.1%0d%0a",
           "/api/models/org/repo/commits/main%0d%0aX:%201", "/api/models/org/repo/tree/a%0d%0ab",
           "/org/repo/resolve/main/a%0d%0aHost:%20evil", "/org/repo/resolve/a%0ab/config.json",
           "/api/models/org%0d%0a/repo", "/api/models?search=%00", "//evil.example/api/models",
           "/api/models?url=http://127.0.0.1:1/", "/@evil/x", "/api/models?search=\xe4")


@pytest.mark.parametrize("target", TARGETS)
def test_targets_cannot_write_into_requests_to_the_hub(scene, target):
    hub, daemon, _ = scene
    data = b"GET " + target.encode("latin-1") + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + LAST
    received, _ = exchange(daemon, data, timeout=5)
    assert statuses(received), received
    for record in hub.requests:
        assert record.method in ("GET", "HEAD"), f"the Hub refused what it was sent: {record.fault}"
        assert "x-injected" not in record.headers and record.header("host") != "evil"
        assert not set(record.path + record.query) & set("\r\n\0 ")
