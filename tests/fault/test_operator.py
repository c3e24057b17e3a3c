"""The operator's word on revisions: ttl by rule, pins, refresh now."""
import pytest

from fault.support import all_published, ask, expect_file, file_path
from hub import Generated

OLD, NEW = Generated(50_000, "old"), Generated(50_000, "new")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/name", {"a.bin": OLD, "sub/b.txt": b"b"})


@pytest.fixture
def verb(hubkeep_cli):
    """Runs a verb against a daemon; the output when it succeeds."""
    def run(daemon, *args, fails=False) -> str:
        done = hubkeep_cli(*args, *daemon.cli_args)
        assert (done.returncode == 1) is fails and done.returncode in (0, 1), done
        return done.stderr if fails else done.stdout
    return run


def commits(daemon, repo, revision="main") -> set[str]:
    """What every kind of answer says that the revision is."""
    api = f"/api/models/{repo.id}"
    answers = [ask(daemon, file_path(repo, "a.bin", revision), "HEAD"),
               ask(daemon, f"{api}/tree/{revision}")]
    said = {it.header("x-repo-commit") for it in answers}
    said.add(ask(daemon, f"{api}/revision/{revision}").json()["sha"])
    refs = ask(daemon, f"{api}/refs").json()
    said |= {it["targetCommit"] for it in refs["branches"] + refs["tags"] if it["name"] == revision}
    return said


def test_a_pinned_branch_stays(hub, hubkeep, repo, verb):
    daemon = hubkeep(hub, revisions_ttl="0s")
    old = repo.head
    assert commits(daemon, repo) == {old}
    assert verb(daemon, "pin", repo.id, "main", old) == f"org/name main is pinned to {old}\n"
    new = repo.commit({"a.bin": NEW})
    hub.reset_counts()
    assert commits(daemon, repo) == {old}
    assert hub.count(method="HEAD") == 0, "a pinned branch was asked for"
    expect_file(ask(daemon, file_path(repo, "a.bin")), OLD)
    assert verb(daemon, "pins") == f"org/name  main  {old}\n"
    assert "pinned" not in verb(daemon, "refresh", repo.id)
    daemon.restart()
    assert commits(daemon, repo) == {old}, "a pin was forgotten"
    hub.down()
    assert commits(daemon, repo) == {old}
    hub.up()
    daemon.restart()
    verb(daemon, "unpin", repo.id, "main")
    assert verb(daemon, "pins") == ""
    assert commits(daemon, repo) == {new}


def test_a_pin_to_a_commit_that_nobody_has_seen(hub, hubkeep, repo, verb):
    old = repo.head
    repo.commit({"a.bin": NEW})
    daemon = hubkeep(hub)
    verb(daemon, "pin", repo.id, "main", old)
    assert commits(daemon, repo) == {old}
    expect_file(ask(daemon, file_path(repo, "a.bin")), OLD)
    verb(daemon, "pin", repo.id, "main", "0" * 40)
    answer = ask(daemon, file_path(repo, "a.bin"), "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "RevisionNotFound")


def test_refresh_does_not_wait_for_the_ttl(hub, hubkeep, repo, verb):
    daemon = hubkeep(hub, revisions_ttl="1h")
    old = repo.head
    assert commits(daemon, repo) == {old}
    new = repo.commit({"a.bin": NEW})
    assert commits(daemon, repo) == {old}
    assert verb(daemon, "refresh", repo.id) == f"org/name main is {new}, was {old}\n"
    hub.reset_counts()
    assert commits(daemon, repo) == {new}
    expect_file(ask(daemon, file_path(repo, "a.bin")), NEW)
    all_published(daemon, [NEW.sha256])
    assert verb(daemon, "refresh", repo.id, "main") == f"org/name main is {new}, as before\n"


def test_refresh_tells_what_is_gone(hub, hubkeep, repo, verb):
    repo.branch("dev")
    daemon = hubkeep(hub, revisions_ttl="1h")
    assert ask(daemon, file_path(repo, "a.bin", "dev"), "HEAD").status == 200
    repo.delete_branch("dev")
    assert "Invalid rev id" in verb(daemon, "refresh", repo.id, "dev", fails=True)
    answer = ask(daemon, file_path(repo, "a.bin", "dev"), "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "RevisionNotFound")


def test_refresh_without_the_hub_keeps_what_is_known(hub, hubkeep, repo, verb):
    daemon = hubkeep(hub, revisions_ttl="1h")
    assert commits(daemon, repo) == {repo.head}
    hub.down()
    assert "did not answer" in verb(daemon, "refresh", repo.id, fails=True)
    assert commits(daemon, repo) == {repo.head}


def test_a_repo_has_its_own_ttl(hub, hubkeep, repo):
    other = hub.add_repo("dataset", "org/name", {"a.bin": OLD})
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_rules="datasets/org/*=0, org/*@dev=0")
    repo.branch("dev")
    for path in (file_path(repo, "a.bin"), file_path(repo, "a.bin", "dev"),
                 file_path(other, "a.bin")):
        asked = []
        for _ in range(3):
            hub.reset_counts()
            assert ask(daemon, path, "HEAD").status == 200
            asked.append(hub.count("hub", "HEAD") > 0)
        assert asked == [True, False, False] if path == file_path(repo, "a.bin") else all(asked)


@pytest.mark.parametrize("args", (
    ("pin", "org/name"), ("pin", "org/name", "main"), ("unpin", "org/name"), ("refresh",)))
def test_a_verb_without_its_words_says_how_it_is_used(hubkeep_cli, args):
    done = hubkeep_cli(*args)
    assert done.returncode == 2 and done.stderr.startswith(f"Usage: hubkeep {args[0]} REPO")


@pytest.mark.parametrize(("args", "why"), (
    (("pin", "not a repo", "main", "0" * 40), "repo"),
    (("pin", "org/name", "main", "abc"), "40 hex"),
    (("pin", "org/name", "0" * 40, "0" * 40), "branch"),
    (("refresh", "org/name", "a..b"), "branch")))
def test_a_wrong_word_is_explained(hub, hubkeep, repo, verb, args, why):
    assert why in verb(hubkeep(hub), *args, fails=True)


def test_no_daemon_is_explained(hubkeep_cli):
    done = hubkeep_cli("pins", "--admin-listen", "127.0.0.1:1")
    assert done.returncode == 1 and "no hubkeep answers at 127.0.0.1:1" in done.stderr
