"""Bytes arrive that are not the file's, as many as there should be: nobody may believe them.

Sizes cannot tell, only the digest can, so the client must miss the end of its answer: an error when
nothing was sent yet, a cut otherwise.
"""
import pytest

from fault.support import (MIB, all_published, ask, expect_file, file_path, published, same,
                           together, wait_until)
from hub import Generated

HELD = 64 * 1024
SIZES = {"lfs-small": 20_000, "lfs-large": 3 * MIB, "git-small": 5_000, "git-large": 2 * MIB}


def positions(size: int) -> list[int]:
    return [0, size // 3, size // 2, max(size - HELD - 1, size // 3 * 2), size - 1]


def by_name(path: str, _content) -> bool:
    return path.startswith("lfs")


def spoil(hub, path: str, content, at: int, times=None) -> None:
    if by_name(path, content):
        hub.fault(content.sha256, "wrong_byte", origin="cdn", at=at, times=times)
    else:
        hub.fault(f"resolve-cache.*/{path}$", "wrong_byte", method="GET", at=at, times=times)


def digest(path: str, content) -> str:
    return content.sha256 if by_name(path, content) else content.git_sha1


@pytest.mark.parametrize("kind", SIZES)
def test_one_flipped_bit(hub, hubkeep, kind):
    size = SIZES[kind]
    files = {f"{kind}-{at}.bin": Generated(size, at) for at in positions(size)}
    assert len(files) == 5
    repo = hub.add_repo("model", "org/wrong", files, lfs=by_name)
    daemon = hubkeep(hub)
    for (path, content), at in zip(files.items(), positions(size)):
        spoil(hub, path, content, at)
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    for path, answer in zip(files, answers):
        assert answer.failed, f"{path}: a wrong file was complete: {answer}"
        assert answer.header("x-error-code") is None, answer
        assert answer.status >= 500 or len(answer.body) <= max(0, size - HELD), answer
    assert published(daemon) == set()
    errors = [str(it) for it in daemon.log_lines() if it.get("level") == "error"]
    for path, content in files.items():
        assert any(digest(path, content) in it for it in errors), f"{path} is not in {errors}"
    hub.clear_faults()
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    for (path, content), answer in zip(files.items(), answers):
        expect_file(answer, content)
    all_published(daemon, [digest(path, content) for path, content in files.items()])


def test_another_file_of_the_same_size(hub, hubkeep):
    right, wrong = Generated(2 * MIB, "right"), Generated(2 * MIB, "wrong")
    hub.cdn.ttl = 10.0      # what HEAD was led to ends too soon to be used for the bytes
    repo = hub.add_repo("model", "org/swapped", {"a.bin": right, "b.bin": wrong})
    daemon = hubkeep(hub)
    hub.fault(f"{repo.id}/resolve/.*/a.bin$", "redirect", method="GET",
              location=hub.cdn.sign(hub.cdn_url, repo, repo.find("main").entries["b.bin"]))
    assert ask(daemon, file_path(repo, "a.bin")).failed
    assert right.sha256 not in published(daemon)
    expect_file(ask(daemon, file_path(repo, "a.bin")), right)
    expect_file(ask(daemon, file_path(repo, "b.bin")), wrong)


def test_all_who_follow_one_wrong_transfer_are_cut(hub, hubkeep):
    content = Generated(2 * MIB, "followed")
    repo = hub.add_repo("model", "org/followed", {"lfs.bin": content}, lfs=by_name)
    daemon = hubkeep(hub)
    spoil(hub, "lfs.bin", content, MIB, times=1)
    with hub.gate(content.sha256, origin="cdn", at=content.size - 1) as gate:
        answers = together(lambda it: it(), [
            *[lambda: ask(daemon, file_path(repo, "lfs.bin")) for _ in range(10)],
            lambda: (gate.wait_arrived(), gate.open())])[:-1]
    # Who came too late for the wrong transfer has begun the right one.
    for answer in answers:
        if not answer.failed:
            expect_file(answer, content)
    assert any(it.failed for it in answers)
    expect_file(ask(daemon, file_path(repo, "lfs.bin")), content)
    all_published(daemon, [content.sha256])


def test_wrong_bytes_that_a_range_brought_do_not_get_into_the_whole(hub, hubkeep):
    content = Generated(3 * MIB, "ranged")
    repo = hub.add_repo("model", "org/ranged", {"lfs.bin": content}, lfs=by_name)
    daemon = hubkeep(hub)
    spoil(hub, "lfs.bin", content, 50, times=1)
    path = file_path(repo, "lfs.bin")
    assert ask(daemon, path, range="bytes=0-99").status == 206
    assert ask(daemon, path).failed, "the whole file cannot be right"
    assert published(daemon) == set()
    expect_file(ask(daemon, path), content)
    assert ask(daemon, path, range="bytes=0-99").body == content.read(0, 100)
    all_published(daemon, [content.sha256])


def test_parallel_ranges_with_one_wrong_byte_are_never_published(hub, hubkeep):
    """A range alone cannot be checked, but the file that they complete together can."""
    content = Generated(8 * MIB, "parallel")
    repo = hub.add_repo("model", "org/parallel", {"lfs.bin": content}, lfs=by_name)
    daemon = hubkeep(hub)
    spoil(hub, "lfs.bin", content, 5 * MIB)
    path = file_path(repo, "lfs.bin")
    ranges = [f"bytes={n * MIB}-{(n + 1) * MIB - 1}" for n in range(8)]
    answers = together(lambda it: ask(daemon, path, range=it), ranges)
    assert not same(b"".join(it.body for it in answers), content.bytes())
    wait_until(lambda: content.sha256 in daemon.log(), "the wrong file is noticed")
    assert published(daemon) == set()
    hub.clear_faults()
    expect_file(ask(daemon, path), content)
    all_published(daemon, [content.sha256])
