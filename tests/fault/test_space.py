"""No room: a full disk, a full cache. Clients get their files all the same, and nothing is halved.

The disk is a small tmpfs, which needs root; without it those tests skip and say so.
"""
import os
import subprocess

import pytest

from fault.support import (MIB, SLACK, Download, all_published, ask, expect_file, file_path,
                           next_second, partials, published, same, together, wait_until)
from hub import Generated
from hub.content import Vast

DISK = 32 * MIB


@pytest.fixture
def disk(tmp_path):
    """A folder on a file system of 32 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def on_disk(disk, hubkeep):
    """Starts a daemon on the small disk; its own limit is out of the way."""
    def start(hub, **flags):
        return hubkeep(hub, data_dir=str(disk / "data"),
                       **({"cache_max_size": "1GiB"} | flags))
    return start


def fill(disk, leave=0) -> object:
    """Takes all space of the disk but `leave`; delete the file to give it back."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(MIB))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))
    return ballast


def nothing_half_written(daemon, large) -> None:
    assert large.sha256 not in published(daemon)
    wait_until(lambda: not any(large.sha256 in it.name for it in partials(daemon)),
               "what there was no room for is gone")


def test_a_file_larger_than_the_disk_passes(hub, disk, on_disk):
    large, small, later = Generated(48 * MIB, "large"), Generated(MIB, "small"), Generated(MIB, "l")
    repo = hub.add_repo("model", "org/full",
                        {"large.bin": large, "small.bin": small, "later.bin": later})
    daemon = on_disk(hub)
    expect_file(ask(daemon, file_path(repo, "small.bin")), small)
    all_published(daemon, [small.sha256])
    for _ in range(2):
        expect_file(ask(daemon, file_path(repo, "large.bin")), large)
    nothing_half_written(daemon, large)
    answer = ask(daemon, file_path(repo, "large.bin"), range="bytes=40000000-40000099")
    assert answer.status == 206 and answer.body == large.read(40_000_000, 100)
    hub.reset_counts()
    expect_file(ask(daemon, file_path(repo, "small.bin")), small)
    assert hub.count("cdn") == 0, "the file that was there is not a hit any more"
    expect_file(ask(daemon, file_path(repo, "later.bin")), later)
    all_published(daemon, [later.sha256])


def test_many_clients_of_a_file_that_does_not_fit(hub, on_disk):
    large = Generated(40 * MIB, "shared")
    repo = hub.add_repo("model", "org/full", {"large.bin": large})
    daemon = on_disk(hub)
    for answer in together(lambda _: ask(daemon, file_path(repo, "large.bin"), timeout=60),
                           range(4)):
        expect_file(answer, large)
    nothing_half_written(daemon, large)


def test_wrong_bytes_that_only_pass_are_cut_too(hub, on_disk):
    large = Generated(40 * MIB, "passing")
    repo = hub.add_repo("model", "org/full", {"large.bin": large})
    daemon = on_disk(hub)
    # In each answer: what is fetched to be kept, and given up, takes one, too.
    hub.fault(large.sha256, "wrong_byte", origin="cdn", at=30 * MIB, times=None)
    assert ask(daemon, file_path(repo, "large.bin")).failed
    hub.clear_faults()
    expect_file(ask(daemon, file_path(repo, "large.bin")), large)


def test_a_break_while_the_file_only_passes(hub, on_disk):
    large = Generated(40 * MIB, "broken")
    repo = hub.add_repo("model", "org/full", {"large.bin": large})
    daemon = on_disk(hub)
    hub.fault(large.sha256, "cut", origin="cdn", at=35 * MIB)
    answer = ask(daemon, file_path(repo, "large.bin"))
    if answer.failed:
        assert answer.status is None or answer.status == 200 and len(answer.body) < large.size
        answer = ask(daemon, file_path(repo, "large.bin"))
    expect_file(answer, large)


def test_a_disk_without_one_free_byte(hub, disk, on_disk):
    """Not even the index can be written: what is known is served, and the rest passes."""
    kept, cold = Generated(4 * MIB, "kept"), Generated(4 * MIB, "cold")
    repo = hub.add_repo("model", "org/full",
                        {"kept.bin": kept, "cold.bin": cold, "config.json": b"{}"})
    daemon = on_disk(hub, revisions_ttl="0s")
    expect_file(ask(daemon, file_path(repo, "kept.bin")), kept)
    all_published(daemon, [kept.sha256])
    ballast = fill(disk)
    try:
        expect_file(ask(daemon, file_path(repo, "kept.bin")), kept)
        expect_file(ask(daemon, file_path(repo, "cold.bin")), cold)
        assert ask(daemon, file_path(repo, "config.json")).body == b"{}"
        assert ask(daemon, f"/api/models/{repo.id}").json()["sha"] == repo.head
        nothing_half_written(daemon, cold)
    finally:
        ballast.unlink()

    def is_kept():
        expect_file(ask(daemon, file_path(repo, "cold.bin")), cold)
        return cold.sha256 in published(daemon)
    wait_until(is_kept, "the file is kept when there is room again", seconds=5)
    expect_file(ask(daemon, file_path(repo, "kept.bin")), kept)
    daemon.restart()
    hub.down()
    assert ask(daemon, file_path(repo, "cold.bin")).body == cold.bytes()


def test_the_disk_fills_while_a_file_arrives(hub, disk, on_disk):
    content = Generated(12 * MIB, "arriving")
    repo = hub.add_repo("model", "org/full", {"a.bin": content})
    daemon = on_disk(hub)
    with hub.gate(content.sha256, origin="cdn", at=4 * MIB) as gate:
        with Download(daemon, file_path(repo, "a.bin")) as download:
            assert download.head().status == 200
            start = download.read(2 * MIB)
            ballast = fill(disk)
            gate.open()
            assert start + download.read(content.size) == content.bytes()
    ballast.unlink()
    expect_file(ask(daemon, file_path(repo, "a.bin")), content)
    assert daemon.running and published(daemon) <= {content.sha256}


def test_a_daemon_starts_on_a_full_disk_and_serves_what_it_has(hub, disk, on_disk):
    content = Generated(4 * MIB, "kept")
    repo = hub.add_repo("model", "org/full", {"a.bin": content})
    daemon = on_disk(hub)
    expect_file(ask(daemon, file_path(repo, "a.bin")), content)
    all_published(daemon, [content.sha256])
    assert daemon.stop() == 0
    fill(disk)
    daemon.restart()
    answer = ask(daemon, file_path(repo, "a.bin"))
    expect_file(answer, content)
    assert hub.count("cdn") == 1


# The limit of the cache

FILE = 4 * MIB


@pytest.fixture
def limited(hub, hubkeep):
    """A cache for three of these files, on any disk."""
    files = {f"{name}.bin": Generated(FILE, name) for name in "abcdef"}
    repo = hub.add_repo("model", "org/limited", files)
    daemon = hubkeep(hub, cache_max_size=f"{3 * FILE // MIB + 2}MiB")
    return hub, daemon, lambda name: file_path(repo, f"{name}.bin"), {
        name[0]: content for name, content in files.items()}


def disk_use(daemon) -> int:
    return sum(os.stat(it).st_blocks * 512 for folder in ("blobs", "partials")
               for it in (daemon.data_dir / folder).rglob("*") if it.is_file())


def test_the_file_that_was_not_used_for_longest_leaves(limited):
    hub, daemon, path, contents = limited
    for name in "abc":
        expect_file(ask(daemon, path(name)), contents[name])
        all_published(daemon, [contents[name].sha256])
        next_second()
    expect_file(ask(daemon, path("a")), contents["a"])
    next_second()
    expect_file(ask(daemon, path("d")), contents["d"])
    all_published(daemon, [contents["d"].sha256])
    kept = {name for name, content in contents.items() if content.sha256 in published(daemon)}
    assert {"a", "d"} <= kept and "b" not in kept, f"kept: {kept}"
    assert disk_use(daemon) <= 3 * FILE + 3 * MIB


def test_a_file_that_is_being_read_stays(hub, hubkeep):
    """It is far larger than what a socket buffers, else all of it has left before it is read."""
    long, others = Generated(24 * MIB, "long"), [Generated(FILE, f"{it}") for it in range(6)]
    repo = hub.add_repo("model", "org/limited",
                        {"long.bin": long} | {f"{it}.bin": other for it, other in enumerate(others)})
    limit = 24 * MIB + 2 * FILE + 2 * MIB
    daemon = hubkeep(hub, cache_max_size=f"{limit // MIB}MiB")
    expect_file(ask(daemon, file_path(repo, "long.bin")), long)
    all_published(daemon, [long.sha256])
    next_second()
    with Download(daemon, file_path(repo, "long.bin"), receive_buffer=8192) as reader:
        assert reader.head().status == 200
        start = reader.read(MIB)
        for number, other in enumerate(others):
            expect_file(ask(daemon, file_path(repo, f"{number}.bin")), other)
        assert long.sha256 in published(daemon)
        assert start + reader.read(long.size) == long.bytes()
    assert disk_use(daemon) <= limit + MIB


def test_a_file_larger_than_the_whole_cache_passes_and_pushes_nothing_out(limited):
    hub, daemon, path, contents = limited
    expect_file(ask(daemon, path("a")), contents["a"])
    all_published(daemon, [contents["a"].sha256])
    giant = Generated(20 * MIB, "giant")
    repo = hub.add_repo("model", "org/giant", {"giant.bin": giant})
    expect_file(ask(daemon, file_path(repo, "giant.bin")), giant)
    assert published(daemon) == {contents["a"].sha256}
    nothing_half_written(daemon, giant)


def test_what_passes_goes_on_where_the_connection_broke(limited):
    hub, daemon, path, contents = limited
    giant = Generated(20 * MIB, "giant")
    repo = hub.add_repo("model", "org/giant", {"giant.bin": giant})
    hub.fault(giant.sha256, "cut", origin="cdn", at=12 * MIB)
    expect_file(ask(daemon, file_path(repo, "giant.bin")), giant)
    part = ask(daemon, file_path(repo, "giant.bin"), range=f"bytes={MIB}-")
    assert part.status == 206 and same(part.body, giant.bytes()[MIB:])
    assert hub.bytes_sent("cdn", giant.sha256) <= 39 * MIB + SLACK


def test_what_passes_is_asked_for_in_parts_that_the_cdn_sends(limited):
    hub, daemon, path, contents = limited
    hub.cdn.most_bytes = 50 * 10**9
    vast = Vast(60 * 10**9, "vast")
    repo = hub.add_repo("model", "org/vast", {"vast.bin": vast})
    with Download(daemon, file_path(repo, "vast.bin")) as reader:
        assert reader.head().status == 200
        assert same(reader.read(MIB), vast.read(0, MIB))


def test_a_part_that_is_read_all_the_time_stays(limited):
    hub, daemon, path, contents = limited
    large = Generated(6 * FILE, "large")
    repo = hub.add_repo("model", "org/part", {"large.bin": large})

    def read_part():
        answer = ask(daemon, file_path(repo, "large.bin"), range=f"bytes=0-{FILE - 1}")
        assert answer.status == 206 and same(answer.body, large.read(0, FILE))

    read_part()
    daemon.restart()    # what is in transfer is never evicted, and a flight stays for seconds
    for name in "ab":
        next_second()
        expect_file(ask(daemon, path(name)), contents[name])
        all_published(daemon, [contents[name].sha256])
    next_second()
    read_part()
    daemon.restart()
    expect_file(ask(daemon, path("c")), contents["c"])
    all_published(daemon, [contents["c"].sha256])
    assert contents["a"].sha256 not in published(daemon)
    before = hub.bytes_sent("cdn")
    read_part()
    assert hub.bytes_sent("cdn") == before, "the part has left"


def test_the_limit_holds_under_load(limited):
    """Sixteen readers, a cache for half of what they want: no answer is short or wrong."""
    hub, daemon, path, contents = limited
    names = "abcdef" * 8

    def read(name):
        answer = ask(daemon, path(name), timeout=60)
        expect_file(answer, contents[name])

    for at in range(0, len(names), 16):
        together(read, names[at:at + 16])
    assert published(daemon) <= {it.sha256 for it in contents.values()}
    wait_until(lambda: disk_use(daemon) <= 3 * FILE + 3 * MIB, "the cache is within its limit")
