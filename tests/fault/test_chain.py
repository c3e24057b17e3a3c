"""Hubkeeps behind hubkeeps, and mirrors in front of the Hub.

In a chain the parent is the child's `upstream.endpoint`, or one of its `upstream.mirrors` with the
Hub behind it. A second stand-in plays the mirrors that are no hubkeep.
"""
import contextlib
import itertools
import time

import pytest

from clients.conftest import outside  # noqa: F401
from clients.scene import Scene
from clients.support import expect_snapshot
from fault.support import MIB, all_published, ask, expect_file, file_path, together, wait_until
from hub import Generated, StandInHub

FILES = {"config.json": b'{"a": 1}', "weights.bin": Generated(3 * MIB, "weights"),
         "sub/empty": b"", "sub/readme.md": b"# hello"}
AT_ONCE_SECONDS = 2
# What names the answering server or the moment, not the thing.
OWN = ("date", "x-request-id", "cache-status", "connection")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/chain", FILES)


@pytest.fixture
def mirror():
    with StandInHub() as stand_in:
        yield stand_in
        assert not stand_in.crashes, "\n".join(stand_in.crashes)
        assert not any(it.carries_secret for it in stand_in.requests)


def questions(repo):
    api = f"/api/models/{repo.id}"
    for method in ("HEAD", "GET"):
        for path in FILES:
            yield method, file_path(repo, path)
            yield method, file_path(repo, path, repo.head)
        yield method, file_path(repo, "nothing.txt")
        yield method, file_path(repo, "config.json", "no-branch")
        yield method, "/org/nothing/resolve/main/config.json"
    for path in ("", "/revision/main", f"/revision/{repo.head}", "/tree/main?recursive=true",
                 "/tree/main/sub", "/refs", "/revision/no-branch"):
        yield "GET", api + path
    yield "GET", "/api/models/org/nothing"


def seen_by_client(daemon, method, path):
    answer = ask(daemon, path, method)
    kept = {name: value.replace(daemon.url, "http://self") for name, value in
            answer.headers.items() if name not in OWN}
    return answer.status, kept, answer.body


def test_a_chain_answers_like_one(hub, hubkeep, repo):
    hub.tree_page_size = 2
    alone = hubkeep(hub)
    child = hubkeep(upstream_endpoint=hubkeep(hub).url)
    for method, path in questions(repo):
        assert seen_by_client(child, method, path) == seen_by_client(alone, method, path), path


@pytest.mark.parametrize("setting", ("upstream_endpoint", "upstream_mirrors"))
def test_one_copy_crosses_the_wan(hub, hubkeep, repo, setting):
    parent = hubkeep(hub)
    child = hubkeep(**{"upstream_endpoint": hub.url, setting: parent.url})
    path = file_path(repo, "weights.bin")
    for answer in together(lambda it: ask(it, path), [child, parent] * 5):
        expect_file(answer, FILES["weights.bin"])
    assert hub.bytes_sent("cdn") <= 1.02 * FILES["weights.bin"].size
    all_published(child, [FILES["weights.bin"].sha256])
    parent.stop()
    expect_file(ask(child, path), FILES["weights.bin"])


def test_the_parents_warning_is_passed_on(hub, hubkeep, repo):
    parent = hubkeep(hub, revisions_ttl="0s")
    child = hubkeep(upstream_endpoint=parent.url)
    asked = [file_path(repo, "config.json"), f"/api/models/{repo.id}",
             f"/api/models/{repo.id}/refs"]
    for path in asked:
        assert ask(parent, path).warning is None
    hub.down()
    for _ in range(2):
        for path in asked:
            answer = ask(child, path)
            assert answer.status == 200 and answer.warning, answer
            assert hub.url in answer.warning, "the parent's words, which is fine itself"
    hub.up()
    wait_until(lambda: ask(child, asked[0]).warning is None, "the Hub is asked again", 20)


def test_what_the_parent_lacks_while_offline_is_no_failure_of_the_parent(hub, hubkeep, repo):
    parent = hubkeep(hub)
    child = hubkeep(upstream_endpoint=parent.url)
    expect_file(ask(parent, file_path(repo, "weights.bin")), FILES["weights.bin"])
    hub.down()
    for name in ("config.json", "sub/readme.md", "sub/empty"):
        answer = ask(child, file_path(repo, name, repo.head))
        assert answer.status == 530 and "Hub" in answer.header("x-error-message"), answer
        assert answer.header("x-error-code") is None
    expect_file(ask(child, file_path(repo, "weights.bin")), FILES["weights.bin"])


def test_a_circle_ends_at_once(hub, hubkeep, repo):
    one = hubkeep(hub)
    two = hubkeep(upstream_endpoint=one.url)
    one.restart(upstream_endpoint=two.url)
    for method, path in (("HEAD", file_path(repo, "config.json")),
                         ("GET", f"/api/models/{repo.id}"), ("GET", "/api/models?search=x"),
                         ("GET", f"/api/models/{repo.id}/refs")):
        for daemon in (one, two):
            began = time.monotonic()
            answer = ask(daemon, path, method)
            assert time.monotonic() - began < AT_ONCE_SECONDS, path
            assert answer.status == 530 and "circle" in answer.header("x-error-message"), answer


def test_real_clients_at_the_end_of_a_chain(hub, hubkeep, outside, tmp_path, repo):  # noqa: F811
    parent = hubkeep(hub)
    scene = Scene(hub, lambda _, **flags: hubkeep(upstream_endpoint=parent.url, **flags), outside,
                  tmp_path / "users")
    job = {"call": "snapshot", "repo_id": repo.id}
    expect_snapshot(scene.client("hf-newest").do(job)[0], repo)
    assert hub.bytes_sent("cdn") <= 1.02 * FILES["weights.bin"].size
    hub.down()
    parent.stop()
    scene.daemon.restart()
    expect_snapshot(scene.client("hf-newest").do(job)[0], repo)


# Mirrors

@contextlib.contextmanager
def refused(mirror):
    mirror.down()
    yield
    mirror.up()


def failing(kind, **options):
    @contextlib.contextmanager
    def mode(mirror):
        mirror.fault(None, kind, origin="hub", times=None, **options)
        yield
        mirror.clear_faults()
    return mode


TROUBLES = {
    "refused": refused, "500": failing("status", code=500), "401": failing("status", code=401),
    "403": failing("status", code=403), "404": failing("status", code=404),
    "429": failing("status", code=429, headers={"Retry-After": "1"}),
    "404 with a code": failing("status", code=404, headers={"X-Error-Code": "EntryNotFound",
                                                            "X-Repo-Commit": "0" * 40}),
    "repo not found": failing("status", code=404, headers={"X-Error-Code": "RepoNotFound"}),
    "web page": failing("html"), "closes": failing("early_close"),
}


def same_repo(hub, mirror, id="org/chain"):
    repo = hub.add_repo("model", id, FILES)
    mirror.take_repo(repo)
    return repo


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_mirror_fails_over_to_the_hub_and_back(hub, mirror, hubkeep, trouble):
    repos = [same_repo(hub, mirror, f"org/over-{n}") for n in range(3)]
    daemon = hubkeep(hub, token=True, upstream_mirrors=mirror.url)

    def fetch(repo):
        assert ask(daemon, f"/api/models/{repo.id}/tree/main").status == 200
        answer = ask(daemon, file_path(repo, "config.json"))
        assert (answer.status, answer.body) == (200, FILES["config.json"]), answer
        assert ask(daemon, file_path(repo, "nothing")).header("x-error-code") == "EntryNotFound"

    fetch(repos[0])
    assert not [it for it in hub.requests if "nothing" not in it.path], "the mirror had it"
    with TROUBLES[trouble](mirror):
        fetch(repos[1])
        fetch(repos[1])
    answers = itertools.count()

    def mirror_was_asked():
        ask(daemon, file_path(repos[2], f"nothing-{next(answers)}"))
        return mirror.count("hub", path="over-2")
    wait_until(mirror_was_asked, "the mirror is asked again", 20)
    assert "degraded" not in ask(daemon, "/-/readyz").body.decode()


def test_a_mirrors_no_is_never_believed(hub, mirror, hubkeep, repo):
    """The mirror does not know the repo, and the Hub is down: nothing is 'not found'."""
    daemon = hubkeep(hub, upstream_mirrors=mirror.url)
    hub.down()
    for method, path in questions(repo):
        answer = ask(daemon, path, method)
        assert answer.status == 530 and answer.header("x-error-code") is None, (path, answer)


def test_a_parents_missing_file_counts_when_the_hub_is_down(hub, hubkeep, repo):
    parent = hubkeep(hub)
    path = file_path(repo, "nothing.txt", repo.head)
    assert ask(parent, path, "HEAD").header("x-error-code") == "EntryNotFound"
    daemon = hubkeep(hub, upstream_mirrors=parent.url)
    hub.down()
    answer = ask(daemon, path, "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "EntryNotFound")
    assert answer.header("x-repo-commit") == repo.head
    other = ask(daemon, file_path(repo, "other.txt", repo.head), "HEAD")
    assert other.status == 530 and other.header("x-error-code") is None


def test_a_mirror_with_wrong_bytes_is_left_alone(hub, mirror, hubkeep):
    repo = same_repo(hub, mirror)
    daemon = hubkeep(hub, upstream_mirrors=mirror.url)
    mirror.fault(None, "wrong_byte", at=MIB, times=None)
    path = file_path(repo, "weights.bin")
    assert ask(daemon, path).failed
    expect_file(ask(daemon, path), FILES["weights.bin"])
    assert hub.bytes_sent("cdn") == FILES["weights.bin"].size
    assert "wrong bytes" in ask(daemon, "/-/readyz").body.decode()


def test_a_clients_own_repos_are_asked_of_the_hub_alone(hub, mirror, hubkeep):
    repo = hub.add_repo("model", "org/private", FILES, private=True)
    mirror.add_repo("model", "org/private", FILES)
    token = "hf_" + "a" * 34
    hub.add_token(token)
    daemon = hubkeep(hub, upstream_mirrors=mirror.url)
    login = {"authorization": f"Bearer {token}"}
    assert ask(daemon, file_path(repo, "config.json"), **login).body == FILES["config.json"]
    assert mirror.requests == []
