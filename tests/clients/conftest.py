"""Fixtures of the client tests.

Every scene ends with the question that no test may forget: was a client led past the daemon, to
the Hub or to Xet?
"""
import pytest

from clients.scene import Scene
from clients.support import Outside


@pytest.fixture(scope="session")
def outside():
    sink = Outside()
    yield sink
    sink.stop()


@pytest.fixture
def scene(hub, hubkeep, outside, tmp_path):
    outside.attempts.clear()
    yield Scene(hub, hubkeep, outside, tmp_path / "users")
    assert hub.count(path="xet-read-token") == 0, "a client was led to the Xet protocol"
    assert outside.hub_attempts() == []
