"""Branches move, vanish, come back; repos are renamed. What clients see, and what it costs."""
import time

import pytest

from fault.support import (MIB, SLACK, all_published, ask, expect_file, file_path, together,
                           wait_until)
from hub import Generated

OLD, NEW = Generated(2 * MIB, "old"), Generated(2 * MIB, "new")
SAME = Generated(2 * MIB, "same")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/moving", {"same.bin": SAME, "a.bin": OLD, "c.json": b"1"})


@pytest.mark.parametrize("ttl", ("0s", "1s"))
def test_a_move_is_seen_after_the_ttl_and_costs_what_changed(hub, hubkeep, repo, ttl):
    daemon = hubkeep(hub, revisions_ttl=ttl)
    for path, content in (("same.bin", SAME), ("a.bin", OLD)):
        expect_file(ask(daemon, file_path(repo, path)), content)
    first = repo.head
    second = repo.commit({"a.bin": NEW})
    hub.reset_counts()
    path = file_path(repo, "a.bin")
    wait_until(lambda: ask(daemon, path, "HEAD").header("x-repo-commit") == second,
               "the new commit is seen", seconds=0.1 if ttl == "0s" else 3)
    answer = ask(daemon, path)
    expect_file(answer, NEW)
    assert answer.header("x-repo-commit") == second
    answer = ask(daemon, file_path(repo, "same.bin"))
    expect_file(answer, SAME)
    assert answer.header("x-repo-commit") == second
    assert hub.count("cdn") == 1 and hub.bytes_sent() <= NEW.size + SLACK
    expect_file(ask(daemon, file_path(repo, "a.bin", first)), OLD)
    tree = ask(daemon, f"/api/models/{repo.id}/tree/main").json()
    assert {it["path"]: it["lfs"]["oid"] for it in tree if "lfs" in it}["a.bin"] == NEW.sha256


def test_within_the_ttl_nobody_asks(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="1h")
    path = file_path(repo, "a.bin")
    expect_file(ask(daemon, path), OLD)
    all_published(daemon, [OLD.sha256])
    repo.commit({"a.bin": NEW})
    hub.reset_counts()
    for method in ("HEAD", "GET"):
        for _ in range(5):
            answer = ask(daemon, path, method)
            assert answer.status == 200 and answer.header("etag") == f'"{OLD.sha256}"'
    assert hub.requests == []


def test_a_head_names_the_commit_that_the_download_will_have(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    first = repo.head
    head = ask(daemon, file_path(repo, "a.bin"), "HEAD")
    assert head.header("location") == daemon.url + file_path(repo, "a.bin", first)
    repo.commit({"a.bin": NEW})
    answer = ask(daemon, head.header("location").removeprefix(daemon.url))
    expect_file(answer, OLD)
    assert answer.header("x-repo-commit") == first
    pinned = ask(daemon, file_path(repo, "a.bin", first), "HEAD")
    assert pinned.status == 200 and pinned.header("location") is None


def test_ttl_0_asks_every_time_and_a_commit_never(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    for revision in ("main", repo.head):
        expect_file(ask(daemon, file_path(repo, "a.bin", revision)), OLD)
    all_published(daemon, [OLD.sha256])
    hub.reset_counts()
    for _ in range(5):
        assert ask(daemon, file_path(repo, "a.bin"), "HEAD").status == 200
    assert hub.count("hub", "HEAD") == 5
    hub.reset_counts()
    for _ in range(5):
        assert ask(daemon, file_path(repo, "a.bin", repo.head)).is_hit
    assert hub.requests == []


def test_many_heads_after_the_ttl_cost_one_question(hub, hubkeep):
    files = {f"{n}.json": f"[{n}]".encode() for n in range(30)}
    repo = hub.add_repo("model", "org/many", files)
    daemon = hubkeep(hub, revisions_ttl="2s")
    paths = [file_path(repo, it) for it in files]
    for path in paths:
        assert ask(daemon, path, "HEAD").status == 200
    for moved in (False, True):
        if moved:
            repo.commit({"0.json": b"[]"})
        time.sleep(2.1)
        hub.reset_counts()
        answers = together(lambda path: ask(daemon, path, "HEAD"), paths * 3)
        assert all(it.status == 200 for it in answers)
        assert {it.header("x-repo-commit") for it in answers} == {repo.head}
        # A commit that nobody knew yet is asked for each of its files, once: a HEAD and the one that
        # its redirect to resolve-cache leads to.
        # Who looked just before an answer came may ask again, at most one for each io thread.
        wanted = 3 + 2 * len(files) if moved else 3
        assert hub.count("hub") <= wanted, f"{hub.count('hub')} questions, moved: {moved}"


def test_a_deleted_branch_is_gone_and_its_commits_stay(hub, hubkeep, repo):
    repo.branch("dev")
    daemon = hubkeep(hub, revisions_ttl="0s")
    expect_file(ask(daemon, file_path(repo, "a.bin", "dev")), OLD)
    repo.delete_branch("dev")
    answer = ask(daemon, file_path(repo, "a.bin", "dev"))
    assert (answer.status, answer.header("x-error-code")) == (404, "RevisionNotFound"), answer
    expect_file(ask(daemon, file_path(repo, "a.bin", repo.head)), OLD)
    hub.down()
    answer = ask(daemon, file_path(repo, "a.bin", "dev"))
    assert answer.failed, f"a branch that was known to be gone came back: {answer}"


@pytest.mark.parametrize("branch", ("feature/x", "refs/pr/1", "refs/convert/parquet", "v1.0"))
def test_branches_with_slashes_and_tags(hub, hubkeep, repo, branch):
    repo.commit({"a.bin": NEW}, branch=branch)
    daemon = hubkeep(hub, revisions_ttl="0s")
    expect_file(ask(daemon, file_path(repo, "a.bin", branch)), NEW)
    expect_file(ask(daemon, file_path(repo, "a.bin")), OLD)
    hub.down()
    expect_file(ask(daemon, file_path(repo, "a.bin", branch)), NEW)


@pytest.mark.parametrize("name", ("org/renamed", "neworg/moving", "ORG/Moving"))
def test_a_renamed_repo_works_under_both_names(hub, hubkeep, repo, name):
    daemon = hubkeep(hub, revisions_ttl="0s")
    old = file_path(repo, "a.bin")
    expect_file(ask(daemon, old), OLD)
    hub.rename(repo, name)
    repo.commit({"a.bin": NEW})
    for path in (old, file_path(repo, "a.bin")):
        answer = ask(daemon, path)
        expect_file(answer, NEW)
        head = ask(daemon, path, "HEAD")
        assert head.status == 200 and head.header("x-repo-commit") == repo.head, head
        expect_file(ask(daemon, head.header("location").removeprefix(daemon.url)), NEW)
    info = "/api/models/org/moving"
    assert ask(daemon, info).json()["sha"] == repo.head
    assert hub.count("cdn", path=NEW.sha256) == 1
    daemon.restart()
    hub.down()
    for path in (old, file_path(repo, "a.bin")):
        expect_file(ask(daemon, path), NEW)
    assert ask(daemon, info).json()["sha"] == repo.head


def test_an_alias_that_was_never_the_name_works_offline(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    wrong = file_path(repo, "a.bin").replace("org/moving", "Org/Moving")
    expect_file(ask(daemon, wrong), OLD)
    daemon.restart(offline=True)
    expect_file(ask(daemon, wrong), OLD)
    expect_file(ask(daemon, file_path(repo, "a.bin")), OLD)


def test_a_force_push_that_takes_a_commit_away(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="1h")
    dead = repo.head
    assert ask(daemon, file_path(repo, "c.json"), "HEAD").header("x-repo-commit") == dead
    alive = repo.commit({"a.bin": NEW})
    repo.drop_commit(dead)

    def is_new():
        answer = ask(daemon, file_path(repo, "a.bin"))
        return answer.status == 200 and answer.header("x-repo-commit") == alive
    wait_until(is_new, "the branch is asked for again, long before its ttl", seconds=3)


def test_a_file_that_appears_at_a_branch_is_seen(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    path = file_path(repo, "late.txt")
    missing = ask(daemon, path, "HEAD")
    assert missing.status == 404 and missing.header("x-error-code") == "EntryNotFound"
    assert missing.header("x-repo-commit") == repo.head
    repo.commit({"late.txt": b"here"})
    assert ask(daemon, path).body == b"here"


def test_a_missing_file_is_asked_for_once_per_commit(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="1h")
    path = file_path(repo, "adapter_config.json")
    for method in ("HEAD", "GET", "HEAD"):
        answer = ask(daemon, path, method)
        assert (answer.status, answer.header("x-error-code")) == (404, "EntryNotFound"), answer
    assert hub.count("hub") == 1


@pytest.mark.parametrize("end", ("private", "deleted"))
def test_a_repo_that_is_taken_away_is_refused_while_the_hub_says_so(hub, hubkeep, repo, end):
    daemon = hubkeep(hub, revisions_ttl="0s")
    expect_file(ask(daemon, file_path(repo, "a.bin")), OLD)
    if end == "private":
        repo.private = True
    else:
        hub.delete_repo(repo)
    answer = ask(daemon, file_path(repo, "a.bin"))
    assert (answer.status, answer.header("x-error-code")) == (404, "RepoNotFound"), answer
