"""Slow clients, and many: they cost little, and they hold up nobody else."""
import socket
import threading
import time

import pytest

from fault.support import (MIB, SLACK, Download, all_published, ask, expect_file, file_path, is_sanitized,
                           together, wait_until)
from hub import Generated


class SlowReaders:
    """Clients with tiny buffers that take 1 KiB a second each, all in one thread."""

    def __init__(self, daemon, path: str, count: int):
        self.downloads = [Download(daemon, path, receive_buffer=4096) for _ in range(count)]
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        for download in self.downloads:
            assert download.head().status == 200
        while not self._over.wait(1):
            for download in self.downloads:
                self.bytes += len(download.read(1024))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for download in self.downloads:
            download.leave()


@pytest.mark.parametrize("state", ("arriving", "complete"))
def test_slow_readers_hold_up_nobody(hub, hubkeep, state):
    content = Generated(48 * MIB, "slow")
    repo = hub.add_repo("model", "org/slow", {"a.bin": content})
    daemon = hubkeep(hub, threads=1)
    path = file_path(repo, "a.bin")
    if state == "complete":
        expect_file(ask(daemon, path), content)
        all_published(daemon, [content.sha256])
    began = time.monotonic()
    with SlowReaders(daemon, path, 20) as slow:
        expect_file(ask(daemon, path), content)
        expect_file(ask(daemon, path), content)
        seconds = time.monotonic() - began
        assert slow.bytes < MIB, "the slow readers were not slow"
    assert seconds < 10, f"the fast reader took {seconds:.1f} s"
    assert hub.bytes_sent("cdn") <= content.size + SLACK
    all_published(daemon, [content.sha256])


def test_a_slow_reader_gets_everything_in_the_end(hub, hubkeep):
    """The file was complete, and read by others, long before."""
    content = Generated(12 * MIB, "patient")
    repo = hub.add_repo("model", "org/patient", {"a.bin": content})
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    with Download(daemon, path, receive_buffer=4096) as patient:
        assert patient.head().status == 200
        start = patient.read(1024)
        expect_file(ask(daemon, path), content)
        all_published(daemon, [content.sha256])
        assert start + patient.read(content.size) == content.bytes()


def test_100_clients_of_an_arriving_file_in_64_mib(hub, hubkeep):
    """Half of them stop reading in the middle and stay: what they did not take is not in memory."""
    content = Generated(256 * MIB, "arriving")
    repo = hub.add_repo("model", "org/arriving", {"a.bin": content})
    daemon = hubkeep(hub, upstream_connections_per_file="1")     # the gate is in one answer
    path = file_path(repo, "a.bin")

    def read(number):
        with Download(daemon, path) as download:
            assert download.head().status == 200
            wanted = MIB if number % 2 else content.size
            count = download.skip(wanted)
            if number % 2:
                released.wait(120)
            return count == wanted

    released = threading.Event()
    with hub.gate(content.sha256, origin="cdn", at=128 * MIB) as gate:
        def finish():
            gate.wait_arrived(timeout=60)
            gate.open()
            all_published(daemon, [content.sha256], seconds=60)
            released.set()
            return True
        assert all(together(lambda it: it(), [lambda n=n: read(n) for n in range(100)] + [finish]))
    assert hub.count("cdn") == 1
    if not is_sanitized():
        peak = daemon.peak_memory()
        assert peak < 64 * MIB, f"memory rose to {peak / MIB:.0f} MiB"


def test_heads_that_never_end(hub, hubkeep):
    """Slowloris: 200 connections that send a byte now and then are dropped in due time."""
    repo = hub.add_repo("model", "org/loris", {"config.json": b"{}"})
    daemon = hubkeep(hub, threads=1)
    path = file_path(repo, "config.json")
    assert ask(daemon, path).body == b"{}"
    began = time.monotonic()
    open_ones = [socket.create_connection(("127.0.0.1", daemon.port), timeout=30)
                 for _ in range(200)]
    try:
        for sock in open_ones:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        for _ in range(20):
            for sock in open_ones:
                sock.sendall(b"y")
            moment = time.monotonic()
            assert ask(daemon, path).body == b"{}"
            assert time.monotonic() - moment < 0.5, "a normal client had to wait"
        ended = []
        for sock in open_ones:
            try:
                ended.append(sock.recv(1000))
            except ConnectionResetError:
                ended.append(b"")
        seconds = time.monotonic() - began
        assert seconds < 15, f"the connections were kept for {seconds:.0f} s"
        assert all(it == b"" or b" 408 " in it for it in ended)
    finally:
        for sock in open_ones:
            sock.close()
    wait_until(lambda: daemon.open_files() < 100, "their descriptors are free again")


def test_connections_that_come_and_go(hub, hubkeep):
    """A thousand of them, with half a request or none, leave nothing behind."""
    repo = hub.add_repo("model", "org/churn", {"config.json": b"{}"})
    daemon = hubkeep(hub)
    path = file_path(repo, "config.json")
    assert ask(daemon, path).body == b"{}"
    before = daemon.open_files()
    for text in (b"", b"GET ", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"POST /api/models/org/churn/paths-info/main HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Length: 100\r\n\r\n{"):
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as sock:
                sock.sendall(text)
    wait_until(lambda: daemon.open_files() <= before + 10, "descriptors are free again")
    assert ask(daemon, path).body == b"{}"


def test_few_descriptors_and_many_clients(hub, hubkeep):
    """Out of descriptors it neither spins nor dies, and it recovers."""
    content = Generated(MIB, "few")
    repo = hub.add_repo("model", "org/few", {"a.bin": content})
    daemon = hubkeep(hub, prefix=("prlimit", "--nofile=128:128"))
    path = file_path(repo, "a.bin")
    expect_file(ask(daemon, path), content)
    clients = []
    for _ in range(300):
        clients.append(socket.create_connection(("127.0.0.1", daemon.port), timeout=10))
    used = cpu_seconds(daemon)
    time.sleep(1)
    assert cpu_seconds(daemon) - used < 0.3, "it spins while it has no descriptors"
    for client in clients:
        client.close()

    def works():
        return ask(daemon, path).body == content.bytes()
    wait_until(works, "it serves again", seconds=5)


def cpu_seconds(daemon) -> float:
    with open(f"/proc/{daemon.pid}/stat") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
