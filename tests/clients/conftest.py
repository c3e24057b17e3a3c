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
    it = Scene(hub, hubkeep, outside, tmp_path / "users")
    yield it
    it.close()
    assert hub.count(path="xet-read-token") == 0, "a Xet token of the Hub was asked for"
    assert outside.hub_attempts() == []
