"""Ranges and conditions on files that are absent, half there, or complete: RFC 9110, 13 and 14.

The expectations come from a small oracle and the matrix, not from what the daemon does.
"""
import random
import re

import pytest

from fault.support import (MIB, SLACK, Download, Answer, all_published, ask, expect_file,
                           file_path, noted_partials, same, status_of, together, wait_until)
from hub import Generated

SIZE = 3 * MIB + 123
HALF = SIZE // 2
FEW_BLOCKS = 64 * 1024 + SLACK

# Range header -> the bytes as (start, stop), 416, or None for the whole file with status 200.
MATRIX = {
    "bytes=0-0": (0, 1),
    "bytes=0-99": (0, 100),
    "bytes=100-100": (100, 101),
    f"bytes={HALF - 10}-{HALF + 10}": (HALF - 10, HALF + 11),
    f"bytes={MIB - 1}-{MIB}": (MIB - 1, MIB + 1),
    f"bytes=0-{SIZE - 1}": (0, SIZE),
    f"bytes=0-{SIZE}": (0, SIZE),
    f"bytes=0-{SIZE + 10 ** 9}": (0, SIZE),
    f"bytes=1000000-{SIZE}": (1_000_000, SIZE),
    "bytes=0-": (0, SIZE),
    "bytes=1-": (1, SIZE),
    f"bytes={HALF}-": (HALF, SIZE),
    f"bytes={SIZE - 1}-": (SIZE - 1, SIZE),
    "bytes=-1": (SIZE - 1, SIZE),
    "bytes=-100000": (SIZE - 100_000, SIZE),
    f"bytes=-{SIZE}": (0, SIZE),
    f"bytes=-{SIZE * 2}": (0, SIZE),
    "BYTES=5-9": (5, 10),
    f"bytes={SIZE}-": 416,
    f"bytes={SIZE}-{SIZE}": 416,
    f"bytes={SIZE + 10 ** 12}-": 416,
    "bytes=-0": 416,
    "bytes=9-5": None,
    "bytes=": None,
    "bytes=-": None,
    "bytes=a-b": None,
    "bytes=5": None,
    "bytes": None,
    "bytes=--5": None,
    "bytes=-5-": None,
    "bytes=0x5-9": None,
    "items=0-5": None,
    "bytes=0-1,4-5": None,
    "bytes=5-9,0-1,-7": None,
}
# More digits than any file has bytes: to refuse the range and to ignore it are both allowed.
TOO_LARGE = ("bytes=99999999999999999999-", "bytes=0-99999999999999999999",
             "bytes=-99999999999999999999", "bytes=18446744073709551615-18446744073709551615")


def expect_range(answer: Answer, content, wanted) -> None:
    size = content.size
    if wanted == 416:
        assert answer.status == 416, answer
        assert answer.header("content-range") == f"bytes */{size}", answer
        return
    start, stop = wanted or (0, size)
    assert answer.status == (206 if wanted else 200), answer
    label = f"bytes {start}-{stop - 1}/{size}" if wanted else None
    assert answer.header("content-range") == label, answer
    assert answer.header("content-length") == str(stop - start) and answer.complete, answer
    assert answer.header("accept-ranges") == "bytes", answer
    assert answer.header("etag") == f'"{content.sha256}"', answer
    assert same(answer.body, content.read(start, stop - start)), f"wrong bytes in {answer}"


@pytest.fixture
def scene(hub, hubkeep):
    content = Generated(SIZE, "ranges")
    repo = hub.add_repo("model", "org/ranges", {"a.bin": content})
    return hub, hubkeep(hub), file_path(repo, "a.bin"), content


def test_matrix_on_absent_files(hub, hubkeep):
    files = {f"{n}.bin": Generated(SIZE, n) for n in range(len(MATRIX))}
    repo = hub.add_repo("model", "org/absent", files)
    daemon = hubkeep(hub)
    answers = together(lambda it: ask(daemon, file_path(repo, it[0]), range=it[1]),
                       zip(files, MATRIX))
    for answer, content, wanted in zip(answers, files.values(), MATRIX.values()):
        expect_range(answer, content, wanted)
        limit = 0 if wanted == 416 else SIZE if wanted is None else wanted[1] - wanted[0] + 2 * MIB
        assert hub.bytes_sent("cdn", content.sha256) <= limit, f"{wanted} cost too much"


def test_matrix_on_a_half_filled_file(scene):
    """What is there is answered at once, while the transfer stands still; the rest follows it."""
    hub, daemon, path, content = scene
    with hub.gate(content.sha256, origin="cdn", at=HALF) as gate:
        leader = Download(daemon, path)
        leader.head()
        first = leader.read(HALF)
        early = [it for it, wanted in MATRIX.items()
                 if isinstance(wanted, tuple) and wanted[1] <= HALF or wanted == 416]
        assert len(early) >= 8
        for text in early:
            expect_range(ask(daemon, path, range=text), content, MATRIX[text])
        late = [it for it in MATRIX if it not in early]
        clients = [Download(daemon, path, range=it) for it in late]
        gate.open()
        answers = together(_finish, clients)
        with leader:
            assert same(first + leader.read(SIZE - HALF), content.bytes())
    for text, answer in zip(late, answers):
        expect_range(answer, content, MATRIX[text])


def _finish(client: Download) -> Answer:
    with client:
        answer = client.head()
        length = int(answer.header("content-length"))
        answer.body = client.read(length)
        answer.complete = len(answer.body) == length
        return answer


def test_matrix_on_a_complete_file(scene):
    hub, daemon, path, content = scene
    expect_file(ask(daemon, path), content)
    all_published(daemon, [content.sha256])
    sent = hub.bytes_sent("cdn")
    for text, wanted in MATRIX.items():
        expect_range(ask(daemon, path, range=text), content, wanted)
    for text in TOO_LARGE:
        answer = ask(daemon, path, range=text)
        assert answer.status in (200, 206, 416), answer
        if answer.status == 206:
            start, stop = re.fullmatch(rf"bytes (\d+)-(\d+)/{SIZE}",
                                       answer.header("content-range")).groups()
            assert same(answer.body, content.read(int(start), int(stop) + 1 - int(start)))
        elif answer.status == 200:
            expect_file(answer, content)
    assert hub.bytes_sent("cdn") == sent


def test_1300_ranges_are_not_amplified(scene):
    _, daemon, path, content = scene
    many = "bytes=" + ",".join(f"{n}-{n}" for n in range(1300))
    answer = ask(daemon, path, range=many)
    assert answer.status in (200, 400, 416, 431), answer
    assert len(answer.body) <= SIZE + 1024


def test_head_ignores_ranges(scene):
    _, daemon, path, content = scene
    for text in ("bytes=0-0", f"bytes={SIZE}-"):
        answer = ask(daemon, path, "HEAD", range=text)
        assert answer.status == 200 and answer.header("content-length") == str(SIZE), answer


def test_empty_file(hub, hubkeep):
    repo = hub.add_repo("model", "org/empty", {"empty.txt": b""})
    daemon = hubkeep(hub)
    path = file_path(repo, "empty.txt")
    for method in ("HEAD", "GET"):
        answer = ask(daemon, path, method)
        assert (answer.status, answer.header("content-length")) == (200, "0"), answer
    for text in ("bytes=0-0", "bytes=0-", "bytes=-1"):
        answer = ask(daemon, path, range=text)
        assert answer.status in (200, 416) and answer.body == b"" or answer.status == 416
        if answer.status == 416:
            assert answer.header("content-range") == "bytes */0", answer


@pytest.mark.parametrize("state", ("cold", "warm"))
def test_if_range(scene, state):
    _, daemon, path, content = scene
    if state == "warm":
        expect_file(ask(daemon, path), content)
    right = f'"{content.sha256}"'
    cases = {right: 206, f'"{"0" * 64}"': 200, f"W/{right}": 200,
             "Sat, 01 Jan 2028 00:00:00 GMT": 200, content.sha256: 200, '""': 200}
    for value, status in cases.items():
        answer = ask(daemon, path, range="bytes=10-19", if_range=value)
        assert answer.status == status, f"If-Range: {value} gave {answer}"
        expect_range(answer, content, (10, 20) if status == 206 else None)


def test_if_none_match(scene):
    hub, daemon, path, content = scene
    repo = hub.repo("model", "org/ranges")
    pinned = file_path(repo, "a.bin", repo.head)
    right = f'"{content.sha256}"'
    for value in (right, f"W/{right}", "*", f'"x", {right}'):
        for method, target, status in (("GET", path, 304), ("GET", pinned, 304),
                                       ("HEAD", pinned, 304), ("HEAD", path, 200)):
            answer = ask(daemon, target, method, if_none_match=value)
            assert answer.status == status, f"{method} {target} {value} gave {answer}"
            assert answer.header("etag") == right and answer.header("x-repo-commit") == repo.head
            assert answer.body == b""
    for value in (f'"{"0" * 64}"', content.sha256, '"x", "y"'):
        answer = ask(daemon, path, if_none_match=value)
        expect_file(answer, content)


def test_a_few_bytes_of_a_large_cold_file_cost_a_few_blocks(hub, hubkeep):
    content = Generated(200 * MIB, "large")
    repo = hub.add_repo("model", "org/large", {"a.bin": content})
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    expect_range(ask(daemon, path, range="bytes=0-0"), content, (0, 1))
    assert 0 < hub.bytes_sent("cdn") <= FEW_BLOCKS
    places = random.Random(1)
    asked = [places.randrange(content.size) for _ in range(40)]
    for at in asked:
        expect_range(ask(daemon, path, range=f"bytes={at}-{at}"), content, (at, at + 1))
    assert hub.bytes_sent("cdn") <= 41 * FEW_BLOCKS
    before = hub.bytes_sent("cdn")
    daemon.restart()
    for at in asked:
        expect_range(ask(daemon, path, range=f"bytes={at}-{at}"), content, (at, at + 1))
    assert hub.bytes_sent("cdn") == before, "blocks that were there were fetched again"


def test_blocks_survive_a_kill_after_a_few_seconds(hub, hubkeep):
    content = Generated(20 * MIB, "killed")
    repo = hub.add_repo("model", "org/killed", {"a.bin": content})
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin", repo.head)
    places = [MIB, 5 * MIB, 11 * MIB]
    for at in places:
        expect_range(ask(daemon, path, range=f"bytes={at}-{at + 99}"), content, (at, at + 100))
    wait_until(lambda: [it for _, it in noted_partials(daemon)] == [len(places)],
               "the blocks are noted down")
    before = hub.bytes_sent("cdn")
    daemon.kill()
    daemon.restart()
    for at in places:
        expect_range(ask(daemon, path, range=f"bytes={at}-{at + 99}"), content, (at, at + 100))
    assert hub.bytes_sent("cdn") == before, "blocks that were there were fetched again"


def test_a_walk_in_blocks_costs_few_requests_and_no_byte_twice(hub, hubkeep):
    content = Generated(24 * MIB + 77, "walk")
    repo = hub.add_repo("model", "org/walk", {"a.bin": content})
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    step = 100_000
    for at in range(0, content.size, step):
        end = min(at + step, content.size)
        expect_range(ask(daemon, path, range=f"bytes={at}-{end - 1}"), content, (at, end))
    assert hub.bytes_sent("cdn") == content.size and hub.count("cdn") <= 14, hub.count("cdn")
    all_published(daemon, [content.sha256])


def test_what_a_range_brought_is_not_fetched_again(scene):
    hub, daemon, path, content = scene
    for _ in range(3):
        expect_range(ask(daemon, path, range="bytes=1200000-1300000"), content,
                     (1_200_000, 1_300_001))
    assert hub.count("cdn") == 1
    expect_file(ask(daemon, path), content)
    assert hub.bytes_sent("cdn") <= SIZE + SLACK
    all_published(daemon, [content.sha256])
    hub.down()
    expect_file(ask(daemon, path), content)


def test_ranges_survive_a_restart(scene):
    hub, daemon, path, content = scene
    expect_range(ask(daemon, path, range="bytes=0-1500000"), content, (0, 1_500_001))
    # The rest of its last block arrives behind the answer; what is on its way at a stop comes again.
    wait_until(lambda: status_of(daemon)["store"]["partial_bytes"] > 1_500_001, "the rest is there")
    before = hub.bytes_sent("cdn")
    daemon.restart()
    expect_range(ask(daemon, path, range="bytes=1000-1400000"), content, (1000, 1_400_001))
    assert hub.bytes_sent("cdn") == before, "bytes that were there were fetched again"
    expect_file(ask(daemon, path), content)
    assert hub.bytes_sent("cdn") <= SIZE + SLACK


def test_ranges_in_any_order_make_a_whole_file(scene):
    """As a download manager with many connections does it; clients ask one byte too many."""
    hub, daemon, path, content = scene
    step = 200_000
    starts = list(range(0, SIZE, step))
    random.Random(2).shuffle(starts)
    answers = together(lambda at: ask(daemon, path, range=f"bytes={at}-{at + step}"), starts)
    for at, answer in zip(starts, answers):
        expect_range(answer, content, (at, min(at + step + 1, SIZE)))
    assert hub.bytes_sent("cdn") <= 1.1 * SIZE
    all_published(daemon, [content.sha256])
