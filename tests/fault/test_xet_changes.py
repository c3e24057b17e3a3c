"""What Xet clients see when something changes under them: branches, mirrors, repos, the room.

They keep tokens, listings and addresses for long. Each test is named after something that went
wrong once.
"""
import pytest

from fault.support import MIB, ask, file_path, same
from fault.xet import CHUNK, HEADER, TERM, Xet, fetch, place_of, xorb_bytes
from hub import Generated

SERVE = {"xet": "serve", "revisions_ttl": "1h"}
OLD, NEW = Generated(TERM + 5_000, "old"), Generated(TERM + 6_000, "new")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/changes", {"model.bin": OLD})


def known_hash(daemon, repo, revision="main") -> str | None:
    return ask(daemon, file_path(repo, "model.bin", revision), "HEAD").header("x-xet-hash")


def test_a_token_is_good_for_the_repo_whatever_its_branch_points_at(hub, hubkeep, repo):
    """HfFileSystem keeps the token of `main` for an hour, and others keep listings as long."""
    daemon = hubkeep(hub, xet="serve", revisions_ttl="0s")
    before = Xet(daemon, repo, "main")
    assert known_hash(daemon, repo) == OLD.xet_hash
    repo.commit({"model.bin": NEW})
    assert known_hash(daemon, repo) == NEW.xet_hash
    after = Xet(daemon, repo, "main")
    assert same(before.read(NEW), NEW.bytes())
    assert same(after.read(OLD), OLD.bytes())
    both = f"/v1/reconstructions?file_id={OLD.xet_hash}&file_id={NEW.xet_hash}"
    assert {it.ask(both).status for it in (before, after)} == {200}
    hub.reset_counts()
    for n in range(3):
        assert before.ask(f"/v2/reconstructions/{n:064x}").status == 404
    assert hub.count() <= 1, "the tree of its own commit, and nothing for each hash"


def test_a_rule_about_revisions_holds_for_the_commit_that_a_file_is_found_in(hub, hubkeep, repo):
    repo.commit({"model.bin": NEW}, branch="secret")
    rules = "[{name: no-secret, action: deny, revisions: [secret]}]"
    daemon = hubkeep(hub, **SERVE)
    assert known_hash(daemon, repo, "secret") == NEW.xet_hash
    daemon.restart(policy_rules=rules)
    xet = Xet(daemon, repo, "main")
    assert same(xet.read(OLD), OLD.bytes())
    assert xet.ask(f"/v2/reconstructions/{NEW.xet_hash}").status in (403, 404)


@pytest.mark.parametrize("first", ("HEAD", "tree"))
def test_a_mirror_that_tells_no_hash_takes_xet_from_a_file_for_its_own_time_alone(
        hub, hubkeep, repo, first):
    mirror = hubkeep(hub, **SERVE | {"xet": "strip"})
    daemon = hubkeep(hub, upstream_mirrors=mirror.url, **SERVE)
    if first == "tree":
        tree = f"/api/models/{repo.id}/tree/{repo.head}?recursive=true"
        assert b"xetHash" not in ask(daemon, tree).body
    assert known_hash(daemon, repo, repo.head) is None
    asked = len(mirror.access_log())
    assert known_hash(daemon, repo, repo.head) is None
    assert len(mirror.access_log()) == asked, "asked for once"
    daemon.restart(upstream_mirrors="")
    assert known_hash(daemon, repo, repo.head) == OLD.xet_hash
    assert same(Xet(daemon, repo).read(OLD), OLD.bytes())


def test_ranges_that_are_the_whole_file_together_are_not_sent_unchecked(hub, hubkeep):
    content = Generated(6 * MIB, "no room")
    repo = hub.add_repo("model", "org/room", {"model.bin": content})
    daemon = hubkeep(hub, **SERVE)
    xet = Xet(daemon, repo)
    with hub.gate(content.sha256, origin="cdn"):
        plan = xet.plan(content, "v2", 0, 10)
        url, *_ = place_of(plan, plan["terms"][0]["hash"])
        daemon.kill()
    daemon.restart(cache_max_size="4MiB")
    hub.fault(content.sha256, "wrong_byte", origin="cdn", at=100, times=None)
    end, middle = len(xorb_bytes(content, 0)) - 1, 24 * (CHUNK + HEADER)
    answer = fetch(daemon, url, range=f"bytes=0-{middle - 1},{middle}-{end}")
    assert answer.status == 410 and "HF_HUB_DISABLE_XET" in answer.header("x-error-message")


@pytest.mark.parametrize("happen", ("made private", "deleted", "gated"))
def test_who_reads_a_repo_that_was_taken_away_is_told_so_at_once(hub, hubkeep, repo, happen):
    """Clients take a 5xx for a passing trouble, and try for minutes."""
    daemon = hubkeep(hub, **SERVE)
    xet = Xet(daemon, repo)
    assert known_hash(daemon, repo) == OLD.xet_hash
    with hub.gate(OLD.sha256, origin="cdn"):
        plan = xet.plan(OLD)
        url, _, (first, last) = place_of(plan, plan["terms"][-1]["hash"])
        daemon.kill()
    {"made private": lambda: setattr(repo, "private", True),
     "deleted": lambda: hub.delete_repo(repo),
     "gated": lambda: setattr(repo, "gated", "manual")}[happen]()
    hub.fault(None, "status", origin="cdn", code=403, times=None)
    daemon.restart()
    answer = fetch(daemon, url, range=f"bytes={first}-{last}")
    assert answer.status in (404, 410), answer
    said = answer.header("x-error-code") or answer.header("x-error-message")
    assert said in ("RepoNotFound", "GatedRepo"), answer
