"""POST /-/webhook: confirms a branch at once when the Hub says so, and does nothing for others."""
import json

import pytest

from fault.support import ask, expect_file, file_path, together
from hub import Generated
from hub.webhook import config_changed, content_changed, moved

OLD, NEW = Generated(50_000, "old"), Generated(50_000, "new")
SECRET = "a-secret-of-the-webhook"


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/name", {"a.bin": OLD})


@pytest.fixture
def daemon(hub, hubkeep, tmp_path):
    secret = tmp_path / "webhook"
    secret.touch(mode=0o600)
    secret.write_text(SECRET + "\n")
    return hubkeep(hub, revisions_ttl="1h", webhook_secret_file=str(secret))


def tell(daemon, body, secret=SECRET, method="POST"):
    headers = {"x_webhook_secret": secret} if secret is not None else {}
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return ask(daemon, "/-/webhook", method, body=text, content_type="application/json", **headers)


def head(daemon, repo, revision="main"):
    return ask(daemon, file_path(repo, "a.bin", revision), "HEAD").header("x-repo-commit")


def test_a_push_is_known_at_once(hub, daemon, repo):
    old = head(daemon, repo)
    before = dict(repo.refs)
    new = repo.commit({"a.bin": NEW})
    assert head(daemon, repo) == old
    answer = tell(daemon, content_changed(hub.url, repo, before))
    assert answer.status == 200
    assert answer.json() == {"confirmed": [{"revision": "main", "commit": new}]}
    assert head(daemon, repo) == new
    expect_file(ask(daemon, file_path(repo, "a.bin")), NEW)


def test_the_message_itself_is_not_believed(hub, daemon, repo):
    known = head(daemon, repo)
    lie = content_changed(hub.url, repo, dict(repo.refs))
    lie["updatedRefs"] = [{"ref": "refs/heads/main", "oldSha": known, "newSha": "0" * 40}]
    answer = tell(daemon, lie)
    assert answer.json() == {"confirmed": [{"revision": "main", "commit": known}]}
    assert head(daemon, repo) == known


@pytest.mark.parametrize("secret", (None, "", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper()))
def test_a_forged_message_does_nothing(hub, daemon, repo, secret):
    old, before = head(daemon, repo), dict(repo.refs)
    repo.commit({"a.bin": NEW})
    hub.reset_counts()
    answer = tell(daemon, content_changed(hub.url, repo, before), secret)
    assert answer.status == 403 and "X-Webhook-Secret" in answer.json()["error"]
    assert hub.requests == [] and head(daemon, repo) == old and hub.requests == []


def test_a_replayed_message_does_nothing(hub, daemon, repo):
    head(daemon, repo)
    before = dict(repo.refs)
    repo.commit({"a.bin": NEW})
    message = json.dumps(content_changed(hub.url, repo, before))
    assert tell(daemon, message).json()["confirmed"]
    last = repo.commit({"a.bin": OLD})
    hub.reset_counts()
    answers = together(lambda _: tell(daemon, message), range(20))
    assert all(it.json() == {"confirmed": []} for it in answers) and hub.requests == []
    assert head(daemon, repo) != last, "the ttl is an hour"


def test_a_message_about_what_nobody_asked_for_costs_nothing(hub, daemon, repo):
    head(daemon, repo)
    other = hub.add_repo("dataset", "org/other", {"a.bin": OLD})
    before = dict(repo.refs), dict(other.refs)
    repo.branch("dev")
    other.commit({"a.bin": NEW})
    hub.reset_counts()
    for changed, refs in ((repo, before[0]), (other, before[1])):
        assert tell(daemon, content_changed(hub.url, changed, refs)).json() == {"confirmed": []}
    assert hub.requests == []


@pytest.mark.parametrize(("body", "status"), (
    (b"{" + b" " * (1024 * 1024), 413), (b"", 400), (b"[]", 400), (b"{}", 400),
    (b"[" * 100_000, 400), (b'{"repo": {"type": "model", "name": "../etc"}}', 400),
    (b'{"repo": {"type": "bucket", "name": "org/name"}}', 400)), ids=range(7))
def test_an_oversized_or_broken_message_does_nothing(hub, daemon, repo, body, status):
    old = head(daemon, repo)
    hub.reset_counts()
    assert tell(daemon, body).status == status
    assert hub.requests == [] and head(daemon, repo) == old


def test_a_branch_that_was_deleted_is_gone_at_once(hub, daemon, repo):
    repo.branch("dev")
    assert head(daemon, repo, "dev")
    before = dict(repo.refs)
    repo.delete_branch("dev")
    answer = tell(daemon, content_changed(hub.url, repo, before))
    assert answer.json() == {"confirmed": [{"revision": "dev", "commit": None}]}
    answer = ask(daemon, file_path(repo, "a.bin", "dev"), "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "RevisionNotFound")


def test_a_repo_that_was_closed_is_closed_at_once(hub, daemon, repo):
    assert head(daemon, repo)
    repo.private = True
    assert tell(daemon, config_changed(hub.url, repo, private=True)).status == 200
    answer = ask(daemon, file_path(repo, "a.bin"), "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "RepoNotFound")


def test_a_repo_that_moved_is_followed(hub, daemon, repo):
    old = head(daemon, repo)
    path = file_path(repo, "a.bin")
    hub.rename(repo, "org/renamed")
    assert tell(daemon, moved(hub.url, repo, "org/name")).status == 200
    assert ask(daemon, path, "HEAD").header("x-repo-commit") == old


def test_a_message_that_came_while_the_hub_was_down_may_come_again(hub, daemon, repo):
    head(daemon, repo)
    before = dict(repo.refs)
    new = repo.commit({"a.bin": NEW})
    message = content_changed(hub.url, repo, before)
    hub.fault(f"/api/models/{repo.id}/revision/main", "status", code=500, times=1)
    assert tell(daemon, message).status >= 500
    assert tell(daemon, message).json() == {"confirmed": [{"revision": "main", "commit": new}]}


def test_only_posts_and_only_with_a_secret_set(hub, daemon, hubkeep, repo):
    assert ask(daemon, "/-/webhook").status == 405
    assert tell(hubkeep(hub), {}).status == 404


def test_a_secret_that_others_can_read_is_refused(hubkeep_cli, tmp_path):
    secret = tmp_path / "webhook"
    secret.write_text("x\n")
    secret.chmod(0o644)
    done = hubkeep_cli("config", "check", "--webhook-secret-file", str(secret),
                       "--data-dir", str(tmp_path))
    assert done.returncode == 78 and "webhook.secret_file cannot be used" in done.stderr
