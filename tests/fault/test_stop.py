"""The end of the daemon, the next start, and what may change while it runs: certificates."""
import http.client
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from fault.support import (MIB, Download, all_published, ask, expect_file, file_path, partials,
                           published, wait_until)
from hub import Generated
from hub.certs import Authority
from support.daemon import binary, clean_env, free_port


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("state", ("arriving", "complete"))
def test_a_running_download_is_finished(hub, hubkeep, state):
    content = Generated(24 * MIB, "running")
    repo = hub.add_repo("model", "org/stop", {"a.bin": content})
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    if state == "complete":
        expect_file(ask(daemon, path), content)
        all_published(daemon, [content.sha256])
    gate = hub.gate(content.sha256, origin="cdn", at=12 * MIB)
    with Download(daemon, path, receive_buffer=65536) as download:
        assert download.head().status == 200
        start = download.read(8 * MIB)
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(daemon.port), "new connections are refused")
        assert daemon.running, "the daemon ended before its client"
        gate.open()
        assert start + download.read(content.size) == content.bytes()
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 5, "it did not end when its clients had"
    hub.reset_counts()
    daemon.restart()
    answer = ask(daemon, path)
    expect_file(answer, content)
    assert hub.count("cdn") == 0 and answer.is_hit


def test_idle_connections_do_not_hold_it_up(hub, hubkeep):
    daemon = hubkeep(hub)
    link = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    link.request("GET", "/-/livez")
    assert link.getresponse().read() is not None
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 5
    link.close()


def test_the_last_answer_says_that_the_connection_ends(hub, hubkeep):
    """A kept connection must not be closed in a client's face: some versions crash on that."""
    content = Generated(4 * MIB, "last")
    repo = hub.add_repo("model", "org/last", {"a.bin": content, "c.json": b"{}"})
    daemon = hubkeep(hub)
    with hub.gate("/resolve/main/c.json", origin="hub") as gate:
        answers = []
        client = threading.Thread(
            target=lambda: answers.append(ask(daemon, file_path(repo, "c.json"))))
        client.start()
        gate.wait_arrived()
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(daemon.port), "new connections are refused")
        gate.open()
        client.join(30)
    assert answers[0].status is not None, "the question under way was not answered"
    assert answers[0].header("connection") == "close", answers[0]
    assert daemon.stop() == 0


def test_a_transfer_without_clients_is_resumed_by_the_next_start(hub, hubkeep):
    content = Generated(40 * MIB, "background")
    repo = hub.add_repo("model", "org/background", {"a.bin": content})
    daemon = hubkeep(hub, upstream_connections_per_file="1")     # the gate is in one answer
    path = file_path(repo, "a.bin", repo.head)
    with hub.gate(content.sha256, origin="cdn", at=20 * MIB) as gate:
        with Download(daemon, path) as download:
            download.head()
            download.skip(19 * MIB)
            gate.wait_arrived()
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 20, "nobody was waiting for this transfer"
    assert published(daemon) == set() and len(partials(daemon)) == 1
    before = hub.count("cdn")
    daemon.restart()
    expect_file(ask(daemon, path), content)
    again = [it for it in hub.requests if it.origin == "cdn"][before]
    first = int(again.header("range").removeprefix("bytes=").split("-")[0])
    assert first >= 19 * MIB, f"the transfer began again at {first}"
    assert hub.bytes_sent("cdn") <= 1.1 * content.size


def test_starts_and_stops_in_a_row(hub, hubkeep):
    repo = hub.add_repo("model", "org/row", {"c.json": b"{}"})
    daemon = hubkeep(hub)
    assert ask(daemon, file_path(repo, "c.json")).body == b"{}"
    all_published(daemon, [repo.find("main").entries["c.json"].content.git_sha1])
    hub.reset_counts()
    for _ in range(5):
        began = time.monotonic()
        daemon.restart()
        assert time.monotonic() - began < 5
        assert ask(daemon, file_path(repo, "c.json")).body == b"{}"
    assert hub.requests == [], "a start forgot what was there"


def test_stop_while_the_hub_is_silent(hub, hubkeep):
    """Questions that nobody answers must not keep the daemon from ending."""
    repo = hub.add_repo("model", "org/silent", {"c.json": b"{}"})
    daemon = hubkeep(hub)
    with hub.gate(".*", origin="hub") as gate:
        with Download(daemon, file_path(repo, "c.json")):
            gate.wait_arrived()
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 20


def test_a_second_daemon_on_the_same_folder_is_refused(hub, hubkeep):
    daemon = hubkeep(hub)
    command = [binary(), "serve", "--listen", f"127.0.0.1:{free_port()}", "--admin-listen",
               f"127.0.0.1:{free_port()}", "--data-dir", str(daemon.data_dir)]
    second = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=20)
    assert second.returncode != 0
    assert str(daemon.data_dir) in second.stderr, second.stderr
    assert ask(daemon, "/-/readyz").status == 200


def test_a_port_that_is_taken_is_said_plainly(hub, hubkeep, tmp_path):
    daemon = hubkeep(hub)
    command = [binary(), "serve", "--listen", f"127.0.0.1:{daemon.port}", "--admin-listen",
               f"127.0.0.1:{free_port()}", "--data-dir", str(tmp_path / "other")]
    second = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=20)
    assert second.returncode != 0 and str(daemon.port) in second.stderr, second.stderr


# TLS

@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(str(folder))


@pytest.fixture
def secure(hub, hubkeep, authority):
    cert, key = authority.issue(label="served")
    return hubkeep(hub, tls_cert=cert, tls_key=key)


def client_context(authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.ca_file)


def served_certificate(daemon, authority) -> str:
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as sock:
        with client_context(authority).wrap_socket(sock, server_hostname="localhost") as link:
            return link.getpeercert()["serialNumber"]


def test_sighup_reloads_the_certificate(secure, authority):
    """New connections get the new one, old connections go on, a broken file changes nothing."""
    first = served_certificate(secure, authority)
    link = http.client.HTTPSConnection("localhost", secure.port, timeout=10,
                                       context=client_context(authority))
    link.request("GET", "/-/livez")
    link.getresponse().read()
    authority.issue(label="served")     # over the files that are being served
    assert served_certificate(secure, authority) == first
    secure.signal(signal.SIGHUP)
    second = wait_until(lambda: (it := served_certificate(secure, authority)) != first and it,
                        "the new certificate is served")
    link.request("GET", "/-/livez")
    assert link.getresponse().read() is not None
    link.close()
    for label in ("served.pem", "served.key"):
        file = authority.folder + "/" + label
        with open(file, "r+b") as broken:
            broken.truncate(40)
        lines = len(secure.log_lines())
        secure.signal(signal.SIGHUP)
        wait_until(lambda: any("not reloaded" in str(it) for it in secure.log_lines()[lines:]),
                   "the log says that the old one stays")
        assert served_certificate(secure, authority) == second
        authority.issue(label="served")


def test_a_storm_of_sighups(secure, authority):
    for _ in range(1000):
        secure.signal(signal.SIGHUP)
    assert served_certificate(secure, authority)
    assert secure.running


def test_files_over_tls_are_cut_like_others(hub, secure, authority):
    """Without a length check, a TLS client could take a cut for an end."""
    content = Generated(2 * MIB, "tls")
    repo = hub.add_repo("model", "org/tls", {"a.bin": content})
    hub.fault(content.sha256, "wrong_byte", origin="cdn", at=MIB)

    def fetch() -> tuple[int | None, bytes]:
        link = http.client.HTTPSConnection("localhost", secure.port, timeout=20,
                                           context=client_context(authority))
        try:
            link.request("GET", file_path(repo, "a.bin"))
            reply = link.getresponse()
            data = b""
            while piece := reply.read(MIB):
                data += piece
            return reply.status, data
        except (OSError, http.client.HTTPException):
            return None, b""
        finally:
            link.close()

    status, data = fetch()
    assert status != 200 or len(data) < content.size
    assert published(secure) == set()
    assert fetch() == (200, content.bytes())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))
def test_old_versions_of_tls_are_refused(secure, authority, version):
    context = client_context(authority)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as sock:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(sock, server_hostname="localhost")


def test_plain_text_and_silence_on_the_tls_port(secure, authority):
    for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", b"\x16\x03\x01\x02\x00"):
        with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as sock:
            sock.sendall(data)
    assert served_certificate(secure, authority)


# TLS of the Hub

def test_a_hub_with_a_certificate_of_nobody_gets_no_token(hub_tls, hubkeep, tmp_path):
    folder = tmp_path / "stranger"
    folder.mkdir()
    daemon = hubkeep(hub_tls, token=True, upstream_ca_file=Authority(str(folder)).ca_file)
    answer = ask(daemon, "/org/x/resolve/main/a")
    assert answer.status == 530 and hub_tls.requests == [], answer


def test_a_hub_over_tls_works(hub_tls, hubkeep):
    content = Generated(2 * MIB, "over tls")
    repo = hub_tls.add_repo("model", "org/tls", {"a.bin": content, "c.json": b"{}"})
    daemon = hubkeep(hub_tls, token=True)
    expect_file(ask(daemon, file_path(repo, "a.bin")), content)
    assert ask(daemon, file_path(repo, "c.json")).body == b"{}"
