"""Each fault does on the wire what its name says, as often as asked, and to nobody else."""
import gzip
import http.client
import socket
import ssl
import threading
import time
import urllib.parse

import httpx
import pytest

from hub import StandInHub

from .samples import BIG, FILES

LFS = "/org/name/resolve/main/model.safetensors"
WHOLE = FILES["model.safetensors"].bytes()


@pytest.fixture
def place(repo, fetch):
    return fetch(LFS).headers["location"]


def wire(url, headers=(), limit=4 * 2**20):
    """(head, body, how it ended) of one GET, read from the socket without any understanding."""
    parts = urllib.parse.urlsplit(url)
    lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}",
             "Connection: close", *headers, "", ""]
    data = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall("\r\n".join(lines).encode())
        try:
            while chunk := sock.recv(65536):
                data += chunk
                assert len(data) < limit
            end = "fin"
        except ConnectionResetError:
            end = "rst"
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body, end


@pytest.mark.parametrize("reset, end", [(True, "rst"), (False, "fin")])
@pytest.mark.parametrize("at", [0, 1, 262_144, 300_000, BIG - 1])
def test_cut_is_at_the_byte(hub, place, at, reset, end):
    hub.fault("xet-bridge", "cut", at=at, reset=reset)
    head, body, ended = wire(place)
    assert f"Content-Length: {BIG}" in head
    assert (body, ended) == (WHOLE[:at], end)
    assert wire(place)[1] == WHOLE and hub.bytes_sent("cdn") == at + BIG


def test_cut_waits_for_an_answer_with_a_body(hub, place, fetch):
    fault = hub.fault("model.safetensors|xet-bridge", "cut", at=10)
    assert fetch(place, "HEAD").status_code == 200
    assert fetch(LFS).status_code == 302
    assert fault.used == 0
    with pytest.raises(httpx.TransportError):
        fetch(place)
    assert fault.used == 1 and [it.fault for it in hub.requests][-1] == "cut"


def test_wrong_byte_stays_where_it_is_in_the_file(hub, place, fetch):
    hub.fault("xet-bridge", "wrong_byte", at=300_000, times=None)
    wrong = fetch(place).content
    assert len(wrong) == BIG and [n for n in range(BIG) if wrong[n] != WHOLE[n]] == [300_000]
    part = fetch(place, headers={"Range": "bytes=299999-300001"}).content
    assert [part[0], part[2]] == [WHOLE[299_999], WHOLE[300_001]] and part[1] == wrong[300_000]
    assert fetch(place, headers={"Range": "bytes=0-9"}).content == WHOLE[:10]
    hub.clear_faults()
    assert fetch(place).content == WHOLE


def test_short_and_extra_bytes(hub, place):
    hub.fault("xet-bridge", "short", by=3)
    head, body, _ = wire(place)
    assert f"Content-Length: {BIG - 3}" in head and body == WHOLE[:-3]
    hub.fault("xet-bridge", "extra_bytes", data=b"tail")
    head, body, _ = wire(place)
    assert f"Content-Length: {BIG}" in head and body == WHOLE + b"tail"


def test_other_framings(hub, place):
    hub.fault("xet-bridge", "no_length")
    head, body, end = wire(place)
    assert "content-length" not in head.lower() and "Connection: close" in head
    assert (body, end) == (WHOLE, "fin")
    hub.fault("xet-bridge", "chunked", at=100)
    head, body, _ = wire(place)
    assert "Transfer-Encoding: chunked" in head and body == b"64\r\n" + WHOLE[:100] + b"\r\n"
    hub.fault("xet-bridge", "trailer_bomb", size=1000)
    assert wire(place)[1].endswith(b"0\r\nX-Bomb-0: " + b"b" * 1000 + b"\r\n\r\n")
    hub.fault("xet-bridge", "gzip")
    head, body, _ = wire(place)
    assert "Content-Encoding: gzip" in head and gzip.decompress(body) == WHOLE


def test_ranges_that_lie(hub, place, fetch):
    part = {"Range": "bytes=10-19"}
    fault = hub.fault("xet-bridge", "ignore_range")
    assert fetch(place).status_code == 200 and fault.used == 0
    whole = fetch(place, headers=part)
    assert (whole.status_code, whole.content) == (200, WHOLE)
    assert "content-range" not in whole.headers
    hub.fault("xet-bridge", "bad_content_range")
    assert fetch(place, headers=part).headers["content-range"] == f"bytes 11-20/{BIG + 1}"
    hub.fault("xet-bridge", "wrong_total", total=7)
    assert fetch(place, headers=part).headers["content-range"] == "bytes 10-19/7"
    hub.fault("xet-bridge", "other_etag", etag='"x"')
    assert fetch(place, headers=part).headers["etag"] == '"x"'


def test_answers_replaced(hub, repo, place, fetch):
    hub.fault("api/models", "status", code=429, headers={"Retry-After": "1"}, body=b"busy")
    busy = fetch("/api/models/org/name")
    assert (busy.status_code, busy.headers["retry-after"], busy.text) == (429, "1", "busy")
    assert fetch("/api/models/org/name").status_code == 200
    hub.fault(kind="expired", times=2)
    assert fetch("/api/models/org/name").status_code == 200
    assert [fetch(place).status_code for _ in range(3)] == [403, 403, 200]
    hub.fault("config.json", "html", method="GET")
    assert fetch("/org/name/resolve/main/config.json", "HEAD").status_code == 307
    assert fetch("/org/name/resolve/main/config.json").headers["content-type"] == "text/html"
    hub.fault("config.json", "redirect", location=hub.other_url + "/x")
    away = fetch("/org/name/resolve/main/config.json")
    assert (away.status_code, away.headers["location"]) == (302, hub.other_url + "/x")
    fetch(away.headers["location"], headers={"Authorization": "Bearer hf_abcdefghijkl"})
    assert [it.origin for it in hub.leaks] == ["other"]


def test_bombs_interim_answers_and_raw_bytes(hub, place):
    hub.fault("xet-bridge", "header_bomb", size=70_000)
    assert "X-Bomb: " + "b" * 70_000 in wire(place)[0]
    hub.fault("xet-bridge", "many_headers", count=1500)
    assert wire(place)[0].count("X-Many-") == 1500
    hub.fault("xet-bridge", "interim", count=3)
    head, rest, _ = wire(place)
    assert head == "HTTP/1.1 103 Early Hints" and rest.count(b"HTTP/1.1 103 ") == 2
    hub.fault("xet-bridge", "switch")
    assert wire(place)[0].startswith("HTTP/1.1 101 ")
    hub.fault("xet-bridge", "raw", data=b"HTTP/1.1 999 What\r\n\r\nxyz")
    assert wire(place)[:2] == ("HTTP/1.1 999 What", b"xyz")
    hub.fault("xet-bridge", "early_close")
    assert wire(place) == ("", b"", "fin")
    with pytest.raises(ValueError):
        hub.fault("x", "no such kind")


def test_stall_and_slow_take_their_time(hub, place):
    for kind, options in (("stall", {"at": 1000, "seconds": 0.4}), ("slow", {"rate": BIG * 2.5})):
        hub.fault("xet-bridge", kind, **options)
        began = time.monotonic()
        assert wire(place)[1] == WHOLE
        assert 0.3 < time.monotonic() - began < 5, kind
    hub.cdn_rate = BIG * 2.5
    began = time.monotonic()
    assert wire(place)[1] == WHOLE and time.monotonic() - began > 0.3


def test_a_gate_holds_requests_until_it_is_opened(hub, place, fetch):
    gate = hub.gate("config.json", method="HEAD")
    found = []
    threads = [threading.Thread(target=lambda: found.append(
        httpx.head(hub.url + "/org/name/resolve/main/config.json", trust_env=False).status_code))
        for _ in range(3)]
    for it in threads:
        it.start()
    gate.wait_arrived(3)
    assert gate.arrived == 3 and found == []
    assert fetch("/org/name/resolve/main/config.json").status_code == 307
    gate.open()
    for it in threads:
        it.join(10)
    assert found == [307] * 3
    with pytest.raises(TimeoutError):
        gate.wait_arrived(4, timeout=0.01)


def test_a_gate_in_the_middle_of_a_body(hub, place):
    parts = urllib.parse.urlsplit(place)
    with hub.gate("xet-bridge", at=1000) as gate:
        link = http.client.HTTPConnection(parts.netloc, timeout=10)
        link.request("GET", f"{parts.path}?{parts.query}")
        reply = link.getresponse()
        assert reply.read(1000) == WHOLE[:1000]
        gate.wait_arrived()
        assert hub.bytes_sent("cdn") == 1000
    assert reply.read() == WHOLE[1000:]
    link.close()


def test_down_resets_and_refuses_and_up_is_the_same_place(hub, repo, place, fetch):
    parts = urllib.parse.urlsplit(place)
    hub.gate("xet-bridge", at=1000)
    link = http.client.HTTPConnection(parts.netloc, timeout=10)
    link.request("GET", f"{parts.path}?{parts.query}")
    reply = link.getresponse()
    reply.read(1000)
    hub.down("cdn")
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        reply.read()
    with pytest.raises(httpx.ConnectError):
        fetch(place)
    assert fetch("/api/models/org/name").status_code == 200
    hub.down()
    with pytest.raises(httpx.ConnectError):
        fetch("/api/models/org/name")
    before = hub.url, hub.cdn_url
    hub.up()
    assert (hub.url, hub.cdn_url) == before
    assert fetch("/api/models/org/name").status_code == 200


def test_tls_with_the_made_authority(hub_tls):
    hub_tls.add_repo("model", "org/name", FILES)
    assert hub_tls.url.startswith("https://127.0.0.1:")
    assert hub_tls.cdn_url.startswith("https://localhost:")
    trusted = ssl.create_default_context(cafile=hub_tls.ca_file)
    with httpx.Client(verify=trusted, trust_env=False) as client:
        reply = client.get(hub_tls.url + LFS, follow_redirects=True)
        assert reply.content == WHOLE
    with pytest.raises(httpx.ConnectError):
        httpx.get(hub_tls.url + "/", trust_env=False)


def test_careless_requests_are_refused_and_noted(hub):
    def status(head: str) -> bytes:
        with socket.create_connection(("127.0.0.1", hub.origins["hub"].port), timeout=10) as sock:
            sock.sendall(head.encode())
            return sock.recv(4096)[9:12]
    host = "Host: " + hub.url.removeprefix("http://")
    assert status(f"GET / HTTP/1.1\r\n{host}\r\n\r\n") == b"200"
    assert status("GET / HTTP/1.1\r\nHost: proxy.local:8090\r\n\r\n") == b"421"
    for bad in (f"GET / HTTP/1.0\r\n{host}", "GET / HTTP/1.1",
                f"GET / HTTP/1.1\r\n{host}\r\n{host}",
                f"GET / HTTP/1.1\r\n{host}\r\nContent-Length: +1",
                f"GET / HTTP/1.1\r\n{host}\r\nX: a\r\n b", f"GET {hub.url}/ HTTP/1.1\r\n{host}",
                f"POST / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 0"):
        assert status(bad + "\r\n\r\n") == b"400", bad
    assert len([it for it in hub.requests if it.status == 400]) == 7


def test_two_stand_ins_do_not_meet(hub, repo):
    with StandInHub() as other:
        assert httpx.get(other.url + "/api/models/org/name", trust_env=False).status_code == 401
        assert (hub.count(), other.count()) == (0, 1)
        assert other.connections() == other.connections("hub") == 1
