"""`python -m hub`, as benchmarks and people start it."""
import hashlib
import pathlib
import signal
import subprocess
import sys
import time

import httpx
import pytest

from hub import Generated

SIZE = 3 * 2**20
TESTS = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def program():
    running = []

    def start(*args):
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "--port", "0", "--cdn-port", "0", *args], cwd=TESTS,
            stdout=subprocess.PIPE, text=True)
        running.append(process)
        name, url = process.stdout.readline().split()
        assert name == "hub"
        return process, url
    yield start
    for process in running:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


def test_one_big_file_whole_and_in_parts(program):
    process, url = program("--big", "3M")
    place = httpx.get(url + "/bench/big/resolve/main/big.bin", trust_env=False).headers["location"]
    whole = httpx.get(place, trust_env=False).content
    assert hashlib.sha256(whole).hexdigest() == Generated(SIZE, "big").sha256
    part = httpx.get(place, trust_env=False, headers={"Range": "bytes=1000000-2000000"})
    assert part.content == whole[1_000_000:2_000_001]
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_rate_for_all_together(program):
    _, url = program("--big", "1M", "--rate", "2M")
    began = time.monotonic()
    reply = httpx.get(url + "/bench/big/resolve/main/big.bin", follow_redirects=True,
                      trust_env=False)
    assert len(reply.content) == 2**20 and time.monotonic() - began > 0.4
