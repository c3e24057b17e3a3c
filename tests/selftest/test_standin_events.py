"""History that is rewritten, branches that move under a request, and what webhooks say of it."""
import pytest

from hub import webhook

REFS = "/api/models/org/name/refs"
CONFIG = "/org/name/resolve/main/config.json"


def commit_of(fetch, path=CONFIG):
    return fetch(path, "HEAD").headers.get("x-repo-commit")


def test_a_force_push_takes_the_last_commit_away(repo, fetch):
    base = repo.head
    dead = repo.commit({"config.json": b"{}", "new.txt": b"new"})
    alive = repo.force_push({"config.json": b"[]"})
    assert commit_of(fetch) == alive
    tree = fetch("/api/models/org/name/tree/main").json()
    assert "new.txt" in [it["path"] for it in tree]
    assert repo.commits[alive].parent.sha == base
    gone = fetch(f"/org/name/resolve/{dead}/config.json", "HEAD")
    assert (gone.status_code, gone.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert repo.force_push({}, branch="main") != alive


def test_a_renamed_branch_is_found_under_its_new_name_alone(repo, fetch):
    repo.branch("dev")
    repo.rename_branch("dev", "next")
    assert [it["name"] for it in fetch(REFS).json()["branches"]] == ["main", "next"]
    assert commit_of(fetch, CONFIG.replace("main", "next")) == repo.head
    gone = fetch(CONFIG.replace("main", "dev"), "HEAD")
    assert gone.headers["x-error-code"] == "RevisionNotFound"


@pytest.mark.parametrize("at", (1, 3))
def test_an_event_happens_before_the_request_it_was_asked_for(hub, repo, fetch, at):
    before = repo.head
    event = hub.event(lambda: repo.commit({"late.txt": b"late"}), "/resolve/main/", at)
    fetch(REFS)
    seen = [commit_of(fetch) for _ in range(at + 1)]
    assert seen == (at - 1) * [before] + 2 * [repo.head]
    assert repo.head != before and event.happened and event.seen == at + 1


def test_an_event_before_each_request(hub, repo, fetch):
    hub.event(lambda: repo.commit({"late.txt": b"late"}), "/resolve/main/", at=None)
    seen = [commit_of(fetch) for _ in range(3)]
    assert len(set(seen)) == 3 and seen[-1] == repo.head


def test_an_event_of_another_method_or_origin_waits(hub, repo, fetch):
    event = hub.event(lambda: None, "/resolve/", method="GET")
    other = hub.event(lambda: None, origin="cdn")
    fetch(CONFIG, "HEAD")
    assert not event.happened and not other.happened
    fetch(CONFIG)
    assert event.happened and not other.happened


def test_webhooks_name_what_changed(hub, repo):
    repo.branch("old")
    before, first = repo.refs, repo.head
    second = repo.commit({"config.json": b"{}"})
    repo.delete_branch("old")
    repo.tag("v1")
    told = webhook.content_changed(hub.url, repo, before)
    assert told["event"] == {"action": "update", "scope": "repo.content"}
    assert told["repo"]["headSha"] == second and told["repo"]["type"] == "model"
    assert told["updatedRefs"] == [
        {"ref": "refs/heads/main", "oldSha": first, "newSha": second},
        {"ref": "refs/heads/old", "oldSha": first, "newSha": None},
        {"ref": "refs/tags/v1", "oldSha": None, "newSha": second}]
    hub.rename(repo, "org/renamed")
    moved = webhook.moved(hub.url, repo, "org/name")
    assert (moved["repo"]["name"], moved["movedTo"]["name"]) == ("org/name", "org/renamed")
    private = webhook.config_changed(hub.url, repo, private=True)
    assert private["updatedConfig"] == {"private": True}
