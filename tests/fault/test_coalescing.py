"""Many clients, one file, one transfer: whoever asks, and whoever leaves in the middle."""
import threading

import pytest

from fault.support import (MIB, SLACK, Download, all_published, ask, expect_file, file_path,
                           partials, together)
from hub import Generated

SIZE = 6 * MIB
HALF = SIZE // 2


@pytest.fixture
def scene(hub, hubkeep):
    content = Generated(SIZE, "one")
    repo = hub.add_repo("model", "org/one", {"a.bin": content})
    return hub, hubkeep(hub), file_path(repo, "a.bin"), content


def test_50_cold_clients_cause_one_transfer_and_read_it_live(scene):
    hub, daemon, path, content = scene
    all_at_half = threading.Barrier(51, timeout=30)

    def read(_):
        with Download(daemon, path) as download:
            head = download.head()
            first = download.read(HALF - MIB)
            all_at_half.wait()
            return head, first + download.read(SIZE - len(first))

    with hub.gate(content.sha256, origin="cdn", at=HALF) as gate:
        opener = threading.Thread(target=lambda: (all_at_half.wait(), gate.open()))
        opener.start()
        answers = together(read, range(50))
        opener.join()
    for head, body in answers:
        assert head.status == 200 and body == content.bytes()
    assert hub.count("cdn") == 1 and hub.bytes_sent("cdn") == SIZE
    # Who looked just before the first answer came may ask again, at most one for each io thread.
    assert hub.count("hub", path="/resolve/") <= 4, "the question was not shared"
    verdicts = [it["cache"] for it in daemon.access_log(path=path)]
    assert verdicts.count("miss") <= 1 and set(verdicts) <= {"miss", "joined"}, verdicts


def test_50_cold_clients_before_the_first_byte(scene):
    hub, daemon, path, content = scene
    with hub.gate(content.sha256, origin="cdn") as gate:
        answers = together(lambda it: it(), [
            *[lambda: ask(daemon, path) for _ in range(50)],
            lambda: (gate.wait_arrived(), gate.open())])[:-1]
    for answer in answers:
        expect_file(answer, content)
    assert hub.count("cdn") == 1


def test_heads_and_ranges_mixed_with_whole_downloads(scene):
    hub, daemon, path, content = scene
    ranges = [f"bytes={n * 700_000}-{n * 700_000 + 99_999}" for n in range(8)]
    with hub.gate(content.sha256, origin="cdn", at=0) as gate:
        answers = together(lambda it: it(), [
            *[lambda: ask(daemon, path) for _ in range(10)],
            *[lambda it=it: ask(daemon, path, range=it) for it in ranges],
            *[lambda: ask(daemon, path, "HEAD") for _ in range(10)],
            lambda: (gate.wait_arrived(), gate.open())])[:-1]
    for answer in answers[:10]:
        expect_file(answer, content)
    for n, answer in enumerate(answers[10:18]):
        assert answer.status == 206 and answer.body == content.read(n * 700_000, 100_000)
    for answer in answers[18:]:
        assert answer.status == 200 and answer.header("content-length") == str(SIZE)
    assert hub.bytes_sent("cdn") <= 1.02 * SIZE


def test_the_transfer_outlives_the_client_that_started_it(scene):
    hub, daemon, path, content = scene
    with hub.gate(content.sha256, origin="cdn", at=HALF) as gate:
        with Download(daemon, path) as leader:
            leader.head()
            assert leader.read(MIB) == content.read(0, MIB)
            followers = [Download(daemon, path) for _ in range(5)]
            heads = [it.head() for it in followers]
            starts = [it.read(MIB) for it in followers]
        gate.open()
        for head, start, follower in zip(heads, starts, followers):
            with follower:
                assert head.status == 200
                assert start + follower.read(SIZE - MIB) == content.bytes()
    assert hub.count("cdn") == 1 and hub.bytes_sent("cdn") == SIZE


def test_when_all_leave_the_file_is_completed_and_kept(scene):
    hub, daemon, path, content = scene
    with hub.gate(content.sha256, origin="cdn", at=HALF) as gate:
        clients = [Download(daemon, path) for _ in range(5)]
        for client in clients:
            client.head()
            client.read(MIB)
        for client in clients:
            client.leave()
        gate.open()
        all_published(daemon, [content.sha256])
    hub.down()
    answer = ask(daemon, path)
    expect_file(answer, content)
    assert hub.count("cdn") == 1 and answer.is_hit, answer
    assert partials(daemon) == []


def test_a_client_that_leaves_before_the_first_byte_stops_nothing(scene):
    hub, daemon, path, content = scene
    with hub.gate(content.sha256, origin="cdn") as gate:
        with Download(daemon, path):
            gate.wait_arrived()
        gate.open()
        all_published(daemon, [content.sha256])
    assert hub.count("cdn") == 1


def test_after_a_break_there_is_one_transfer_again(scene):
    """The one that breaks is resumed once, for all who follow it."""
    hub, daemon, path, content = scene
    hub.fault(content.sha256, "cut", origin="cdn", at=HALF + MIB)
    with hub.gate(content.sha256, origin="cdn", at=HALF) as gate:
        clients = [Download(daemon, path) for _ in range(20)]
        for client in clients:
            client.head()
        gate.open()
        for body in together(lambda it: it.read(SIZE), clients):
            assert body == content.bytes()
        for client in clients:
            client.leave()
    assert hub.count("cdn") == 2 and hub.bytes_sent("cdn") <= SIZE + SLACK


def test_two_repos_with_the_same_content_share_one_copy(hub, hubkeep):
    content = Generated(SIZE, "shared")
    repos = [hub.add_repo(kind, "org/same", {"a.bin": content}) for kind in ("model", "dataset")]
    daemon = hubkeep(hub)
    for repo in repos:
        expect_file(ask(daemon, file_path(repo, "a.bin")), content)
        all_published(daemon, [content.sha256])
    assert hub.count("cdn") == 1
