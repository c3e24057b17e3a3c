"""Ports for the servers of tests: below those that Linux gives to clients, so that no connection
takes one meanwhile, none of another worker's, and none twice before all were used."""
import contextlib
import itertools
import os
import random
import socket

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
COUNT = 22_000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
FIRST = 10_000 + WORKER * COUNT
_numbers = itertools.count(random.randrange(COUNT))


def free_port() -> int:
    while True:
        port = FIRST + next(_numbers) % COUNT
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
