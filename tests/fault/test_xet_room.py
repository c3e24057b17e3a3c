"""No room over Xet, where nothing passes that is not kept: for now, and for good."""
import concurrent.futures
import json

import pytest

from fault.support import (MIB, all_published, ask, expect_file, file_path, published, same,
                           wait_until)
from fault.xet import Xet, fetch, place_of
from hub import Generated

SERVE = {"xet": "serve", "revisions_ttl": "1h", "upstream_connections_per_file": "1"}
FIRST, SECOND = Generated(12 * MIB + 5, "first"), Generated(12 * MIB + 7, "second")
GIANT, SMALL = Generated(17 * MIB, "giant"), Generated(MIB, "small")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/room", {"first.bin": FIRST, "second.bin": SECOND,
                                              "giant.bin": GIANT, "small.bin": SMALL})


@pytest.fixture
def daemon(hub, hubkeep, repo):
    """A cache for one of the two."""
    return hubkeep(hub, cache_max_size="16MiB", **SERVE)


def read_first(daemon, plan):
    url, _, (begin, end) = place_of(plan, plan["terms"][0]["hash"])
    return fetch(daemon, url, range=f"bytes={begin}-{end}")


def test_without_room_for_now_clients_are_told_to_come_again(hub, daemon, repo):
    with hub.gate(FIRST.sha256, origin="cdn", at=MIB) as gate:
        first, second = Xet(daemon, repo), Xet(daemon, repo)
        first.plan(FIRST)
        gate.wait_arrived()
        plan = second.plan(SECOND)
        answer = read_first(daemon, plan)
        assert (answer.status, answer.header("retry-after")) == (503, "1"), answer
        assert "cache.max_size" in answer.header("x-error-message")
    assert same(first.read(FIRST), FIRST.bytes())
    all_published(daemon, [FIRST.sha256])
    assert same(second.read(SECOND), SECOND.bytes())
    assert [(it["repo"], it["path"]) for it in daemon.log_lines()
            if "no room" in it.get("msg", "")] == [("org/room", "second.bin")]
    assert "a transfer from the Hub failed" not in daemon.log()


def test_who_finds_no_room_gets_it_as_soon_as_others_leave_it(hub, daemon, repo):
    with hub.gate(FIRST.sha256, origin="cdn", at=MIB) as gate:
        xet = Xet(daemon, repo)
        xet.plan(FIRST)
        gate.wait_arrived()
        plan = xet.plan(SECOND)
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            answer = threads.submit(read_first, daemon, plan)
            wait_until(lambda: "no room" in daemon.log(), "the second file found none")
            gate.open()
            assert answer.result().status == 206
    assert same(xet.read(SECOND), SECOND.bytes())


def test_what_a_transfer_has_room_for_needs_none_for_who_fetches_a_part(hub, daemon, repo):
    with hub.gate(FIRST.sha256, origin="cdn", at=MIB) as gate:
        first = Xet(daemon, repo)
        first.plan(FIRST)
        gate.wait_arrived()
        assert same(Xet(daemon, repo).read(FIRST, "v2", FIRST.size - 1000, FIRST.size - 1),
                    FIRST.read(FIRST.size - 1000, 1000))
    assert same(first.read(FIRST), FIRST.bytes())
    assert "no room" not in daemon.log()


def told_of(daemon, repo, path) -> list[str | None]:
    """The Xet hash of a file, everywhere where a client may find one."""
    listing = f"/api/{repo.plural}/{repo.id}/tree/{repo.head}"
    pages = [ask(daemon, listing + query).json() for query in ("", "?expand=true", "")]
    pages.append(ask(daemon, f"/api/{repo.plural}/{repo.id}/paths-info/{repo.head}", "POST",
                     body=json.dumps({"paths": [path]}), content_type="application/json").json())
    found = [it.get("xetHash") for page in pages for it in page if it["path"] == path]
    assert len(found) == len(pages)
    return found + [ask(daemon, file_path(repo, path), method).header("x-xet-hash")
                    for method in ("HEAD", "GET")]


def test_what_the_cache_can_never_hold_is_offered_without_xet(daemon, repo):
    assert set(told_of(daemon, repo, "giant.bin")) == {None}
    assert set(told_of(daemon, repo, "small.bin")) == {SMALL.xet_hash}
    expect_file(ask(daemon, file_path(repo, "giant.bin")), GIANT)


def test_what_the_cache_can_never_hold_pushes_nothing_out_over_xet(hub, daemon, repo):
    """A client may know its hash from a listing that it got elsewhere."""
    for content in (SMALL, FIRST):
        Xet(daemon, repo).read(content)
    all_published(daemon, [SMALL.sha256, FIRST.sha256])
    hub.reset_counts()
    xet = Xet(daemon, repo)
    for form in ("v1", "v2"):
        answer = xet.ask(f"/{form}/reconstructions/{GIANT.xet_hash}", range=f"bytes=0-{MIB}")
        assert answer.status == 410 and "cache.max_size" in answer.header("x-error-message")
    assert published(daemon) == {SMALL.sha256, FIRST.sha256}
    assert hub.bytes_sent("cdn") == 0
