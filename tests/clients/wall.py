"""A network namespace for one client: its loopback leads to one listener, and to nothing else.

Whatever the client asks of any other host or port fails at once, so that a test which ends well
has shown that it needed none. The thread that makes the namespace is the only one of the tests
that was ever inside; the socket which it opens there is for a relay outside, which closes it.
"""
import ctypes
import fcntl
import os
import socket
import struct
import threading

import pytest

from clients.relay import Relay

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


class Wall:
    """`prefix` before a command puts it behind; `asked` has method and target of its requests."""

    def __init__(self, daemon):
        self.asked: list[list[str]] = []
        self._namespace, self._listener, self._error = None, None, None
        builder = threading.Thread(target=self._build, args=(daemon.port,))
        builder.start()
        builder.join()
        if self._error:
            pytest.skip(f"a network namespace cannot be made here: {self._error}")
        self.prefix = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self._namespace}")
        self._relay = Relay(daemon.url, lambda line: self.asked.append(line.split(" ")[:2]),
                            self._listener)

    def close(self) -> None:
        self._relay.close()
        os.close(self._namespace)

    def _build(self, port: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            self._error = os.strerror(ctypes.get_errno())
            return
        self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
