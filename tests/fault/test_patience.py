"""A transfer that has begun outlives what passes by itself, for as long as its readers would wait;
and a server that says when it wants to be asked again is asked then."""
import time

import pytest

from fault.support import MIB, all_published, ask, expect_file, file_path
from hub import Generated

SIZE = 2 * MIB


def broken_off(hub, hubkeep, name: str, **trouble):
    """A file whose transfer breaks in the middle, and what every attempt finds after that."""
    content = Generated(SIZE, name)
    repo = hub.add_repo("model", f"org/{name}", {"a.bin": content})
    hub.fault(content.sha256, "cut", origin="cdn", at=MIB)
    hub.event(lambda: hub.fault(content.sha256, "status", origin="cdn", **trouble),
              content.sha256, at=2, origin="cdn")
    return content, file_path(repo, "a.bin", repo.head), hubkeep(hub)


def test_a_transfer_goes_on_after_more_failures_than_a_beginning_is_worth(hub, hubkeep):
    content, path, daemon = broken_off(hub, hubkeep, "outage", times=5, code=503)
    expect_file(ask(daemon, path), content)
    assert hub.bytes_sent("cdn", content.sha256) <= SIZE + 5 * 1024
    assert hub.count("hub") == 1, "a busy CDN is no reason to ask the Hub"
    all_published(daemon, [content.sha256])


@pytest.mark.parametrize("code", (429, 503))
def test_the_pause_is_the_one_that_the_server_names(hub, hubkeep, code):
    content, path, daemon = broken_off(hub, hubkeep, f"named{code}", times=1, code=code,
                                       headers={"Retry-After": "2"})
    times = []
    for nth in (2, 3):
        hub.event(lambda: times.append(time.monotonic()), content.sha256, at=nth, origin="cdn")
    expect_file(ask(daemon, path), content)
    assert hub.count("cdn") == 3 and times[1] - times[0] >= 1.9
