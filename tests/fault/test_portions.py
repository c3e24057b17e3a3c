"""One large file over several connections: as fast as the line, no byte twice, and no way to break
it that one connection would not have had."""
import random
import re

import pytest

from fault.support import (MIB, SLACK, Download, all_published, ask, expect_file, file_path,
                           published, same, wait_until)
from hub import Generated

SIZE = 72 * MIB
RATE = 8 * MIB      # of each connection
PORTION = 16 * MIB  # the first one


class Scene:
    def __init__(self, hub, hubkeep, name, size=SIZE, rate=RATE, **flags):
        self.hub, self.content = hub, Generated(size, name)
        repo = hub.add_repo("model", f"org/{name}", {"a.bin": self.content})
        self.path = file_path(repo, "a.bin", repo.head)
        self.daemon = hubkeep(hub, **flags)
        if rate:
            self.slow = hub.fault(self.content.sha256, "slow", origin="cdn", times=None, rate=rate)

    def parts(self) -> list[tuple[int, int]]:
        """What the CDN was asked for, as (begin, end)."""
        found = []
        for it in self.hub.requests:
            if it.origin == "cdn":
                asked = re.fullmatch(r"bytes=(\d+)-(\d+)", it.header("range") or "")
                found.append((int(asked[1]), int(asked[2]) + 1) if asked else (0, self.content.size))
        return found

    def download(self) -> None:
        expect_file(ask(self.daemon, self.path, timeout=60), self.content)
        all_published(self.daemon, [self.content.sha256])

    @property
    def sent(self) -> int:
        return self.hub.bytes_sent("cdn")


def test_a_capped_line_is_shared_by_many_connections(hub, hubkeep):
    scene = Scene(hub, hubkeep, "capped")
    scene.download()
    assert hub.connections("cdn") >= 6, "one connection is all there ever was"
    # A claim that is cut in two at the end costs what was under way behind the cut.
    assert scene.sent <= 1.15 * SIZE
    begins = [begin for begin, _ in scene.parts()]
    assert len(set(begins)) == len(begins), "a stretch was asked for twice"
    assert hub.count("hub", path="/resolve/") <= 2, "a portion cost a request to the Hub"


def test_a_line_without_a_limit_is_used_by_one(hub, hubkeep):
    scene = Scene(hub, hubkeep, "fast", rate=None)
    scene.download()
    assert hub.connections("cdn") <= 2 and scene.sent <= 1.1 * SIZE


def test_one_connection_per_file_is_one_stream(hub, hubkeep):
    scene = Scene(hub, hubkeep, "single", rate=60 * MIB, upstream_connections_per_file="1")
    scene.download()
    assert scene.parts() == [(0, SIZE)] and scene.sent == SIZE


def test_a_server_that_sends_whole_files_only_is_left_with_one(hub, hubkeep):
    scene = Scene(hub, hubkeep, "whole", rate=60 * MIB)
    hub.fault(scene.content.sha256, "ignore_range", origin="cdn", times=None)
    scene.download()
    assert hub.count("cdn") == 1 and scene.sent == SIZE


def test_a_server_that_stops_to_send_ranges_is_left_with_one(hub, hubkeep):
    """The first portion came as one; the next answers are the whole file."""
    scene = Scene(hub, hubkeep, "changed", size=40 * MIB, rate=20 * MIB)
    digest = scene.content.sha256
    hub.event(lambda: hub.fault(digest, "ignore_range", origin="cdn", times=None), digest, at=2,
              origin="cdn")
    scene.download()
    # What the answer brings of the portion that is there already cannot be told from waste.
    assert scene.sent <= 2.5 * scene.content.size


def test_where_the_hub_has_to_be_asked_for_each_portion_there_are_few(hub, hubkeep):
    hub.cdn.ttl = 20.0      # too short to be used again
    scene = Scene(hub, hubkeep, "questions", rate=30 * MIB)
    scene.download()
    assert hub.count("hub", "GET", path="/resolve/") <= 5


@pytest.mark.parametrize("code", (429, 503))
def test_a_server_that_wants_fewer_connections_gets_fewer(hub, hubkeep, code):
    scene = Scene(hub, hubkeep, f"busy{code}")
    digest = scene.content.sha256
    hub.event(lambda: hub.fault(digest, "status", origin="cdn", times=3, code=code), digest, at=4,
              origin="cdn")
    scene.download()
    assert hub.count("cdn") < 40 and scene.sent <= 1.15 * SIZE
    assert hub.count("hub", path="/resolve/") <= 4


def test_connections_that_break_are_made_up_for(hub, hubkeep):
    scene = Scene(hub, hubkeep, "breaks")
    digest = scene.content.sha256
    cuts = random.Random(5)
    for n in range(2, 9):
        hub.event(lambda: hub.fault(digest, "cut", origin="cdn", times=1,
                                    at=cuts.randrange(1, 3 * MIB)), digest, at=n, origin="cdn")
    scene.download()
    assert scene.sent <= 1.2 * SIZE


def test_a_wrong_byte_in_a_late_portion_leaves_nobody_with_a_whole_file(hub, hubkeep):
    scene = Scene(hub, hubkeep, "wrong", rate=20 * MIB)
    hub.fault(scene.content.sha256, "wrong_byte", origin="cdn", times=None, at=60 * MIB)
    assert ask(scene.daemon, scene.path, timeout=60).failed
    assert published(scene.daemon) == set()
    hub.clear_faults()
    scene.download()


def test_a_range_far_ahead_does_not_wait_for_the_portions_before_it(hub, hubkeep):
    scene = Scene(hub, hubkeep, "ahead", size=200 * MIB)
    with Download(scene.daemon, scene.path) as leader:
        leader.head()
        first = leader.read(MIB)
        at = 190 * MIB
        answer = ask(scene.daemon, scene.path, range=f"bytes={at}-{at + 999}", timeout=3)
        assert answer.status == 206 and answer.body == scene.content.read(at, 1000)
        with Download(scene.daemon, scene.path, range=f"bytes={150 * MIB}-") as resumed:
            assert resumed.head().status == 206
            assert same(resumed.read(50 * MIB), scene.content.read(150 * MIB, 50 * MIB))
        assert same(first + leader.read(scene.content.size - MIB), scene.content.bytes())
    all_published(scene.daemon, [scene.content.sha256])
    assert scene.sent <= 1.15 * scene.content.size


def test_portions_that_came_out_of_order_survive_a_kill(hub, hubkeep):
    scene = Scene(hub, hubkeep, "killed", size=160 * MIB)
    with Download(scene.daemon, scene.path) as download:
        download.head()
        wait_until(lambda: scene.sent >= 100 * MIB, "most of it has come", seconds=20)
        scene.daemon.kill()
    scene.daemon.restart()
    scene.download()
    # What came since the last checkpoint may come again: a sixteenth of the file, and what was in
    # the buffers of the connections.
    assert scene.sent <= 1.5 * scene.content.size


def test_a_stop_in_the_middle_is_clean_and_the_rest_comes_later(hub, hubkeep):
    scene = Scene(hub, hubkeep, "stopped")
    with Download(scene.daemon, scene.path) as download:
        download.head()
        wait_until(lambda: hub.connections("cdn") >= 4, "there are several connections")
    assert scene.daemon.stop() == 0
    before = scene.sent
    hub.clear_faults()
    scene.daemon.start()
    scene.download()
    assert scene.sent - before < SIZE, "what was there came again"


def test_many_readers_of_one_file_cost_it_once(hub, hubkeep):
    scene = Scene(hub, hubkeep, "crowd", rate=30 * MIB)
    readers = [Download(scene.daemon, scene.path) for _ in range(8)]
    for reader in readers:
        reader.head()
    for reader in readers:
        with reader:
            assert same(reader.read(SIZE), scene.content.bytes())
    assert scene.sent <= SIZE + 8 * MIB + SLACK
