"""Answers that are in memory: the same as those that are not, and wrong at no time.

One io thread, so that the second request for a target finds what the first one left. The daemon is
asked twice before each event; what is answered after it shows that nothing old was served.
"""
import time

import pytest

from fault.support import all_published, ask, expect_file, file_path, next_second, wait_until
from hub import Generated

SMALL, OTHER = b'{"model_type": "small"}', b'{"model_type": "other"}'
OWN_DATE = {"date", "x-request-id"}


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/hot", {"config.json": SMALL, "big.bin": Generated(50_000, "b")})


@pytest.fixture
def start(hubkeep):
    def starter(hub, **flags):
        return hubkeep(hub, **({"threads": 1, "revisions_ttl": "1h"} | flags))
    return starter


def warm(daemon, path: str, **headers) -> None:
    for method in ("GET", "HEAD", "GET", "HEAD", "GET"):
        assert ask(daemon, path, method, **headers).status == 200


def fields(answer) -> dict:
    return {name: value for name, value in answer.headers.items() if name not in OWN_DATE}


def wait_until_hits(daemon, path: str) -> None:
    wait_until(lambda: ask(daemon, path).is_hit, "the file is published")


@pytest.mark.parametrize("revision", ("main", None), ids=("branch", "commit"))
@pytest.mark.parametrize("suffix", ("", "?download=true"), ids=("inline", "attachment"))
def test_an_answer_from_memory_is_the_same(hub, start, repo, revision, suffix):
    hot, cold = start(hub), start(hub, cache_memory="0B")
    path = file_path(repo, "config.json", revision or repo.head) + suffix
    for daemon in (hot, cold):
        wait_until_hits(daemon, path)
        warm(daemon, path)
    for method in ("GET", "HEAD"):
        ours, theirs = ask(hot, path, method), ask(cold, path, method)
        assert ours.body == theirs.body and ours.status == theirs.status == 200
        assert {name: value.replace(str(hot.port), "PORT") for name, value in fields(ours).items()} \
            == {name: value.replace(str(cold.port), "PORT") for name, value in fields(theirs).items()}
        assert ours.is_hit
    wait_until(lambda: len(hot.access_log(path=path, cache="hit")) > 4, "hits in the log")


def test_conditions_and_ranges_count(hub, start, repo):
    daemon = start(hub)
    path = file_path(repo, "config.json")
    wait_until_hits(daemon, path)
    warm(daemon, path)
    etag = ask(daemon, path).header("etag")
    assert ask(daemon, path, if_none_match=etag).status == 304
    part = ask(daemon, path, range="bytes=2-5")
    assert part.status == 206 and part.body == SMALL[2:6]
    assert ask(daemon, path, range="bytes=2-5", if_range='"other"').body == SMALL
    assert ask(daemon, path, range="bytes=99-").status == 416
    assert ask(daemon, path).body == SMALL


def test_a_branch_that_moved_is_seen_after_its_ttl(hub, start, repo):
    daemon = start(hub, revisions_ttl="1s")
    path = file_path(repo, "config.json")
    warm(daemon, path)
    new = repo.commit({"config.json": OTHER})
    wait_until(lambda: ask(daemon, path).header("x-repo-commit") == new, "the new commit", 3)
    assert ask(daemon, path).body == OTHER
    head = ask(daemon, path, "HEAD")
    assert head.header("location") == daemon.url + file_path(repo, "config.json", new)


def test_ttl_0_asks_each_time(hub, start, repo):
    daemon = start(hub, revisions_ttl="0s")
    path = file_path(repo, "config.json")
    warm(daemon, path)
    new = repo.commit({"config.json": OTHER})
    assert ask(daemon, path, "HEAD").header("x-repo-commit") == new
    assert ask(daemon, path).body == OTHER


def test_an_evicted_file_is_fetched_again(hub, start, repo):
    others = {f"{n}.bin": Generated(400_000, str(n)) for n in range(3)}
    repo.commit(others)
    daemon = start(hub, cache_max_size="1MB")
    path = file_path(repo, "config.json", repo.head)
    wait_until_hits(daemon, path)
    warm(daemon, path)
    next_second()
    for name, content in others.items():
        expect_file(ask(daemon, file_path(repo, name, repo.head)), content)
        all_published(daemon, [content.sha256])
        next_second()
    hub.reset_counts()
    answer = ask(daemon, path)
    assert answer.body == SMALL and not answer.is_hit
    assert hub.requests


def test_what_is_asked_for_is_not_evicted(hub, start, repo):
    others = {f"{n}.bin": Generated(400_000, str(n)) for n in range(3)}
    repo.commit(others)
    daemon = start(hub, cache_max_size="1MB")
    path = file_path(repo, "config.json", repo.head)
    wait_until_hits(daemon, path)
    for name, content in others.items():
        expect_file(ask(daemon, file_path(repo, name, repo.head)), content)
        all_published(daemon, [content.sha256])
        next_second()
        assert ask(daemon, path).is_hit


def test_a_repo_under_another_name(hub, start, repo):
    daemon = start(hub, revisions_ttl="1s")
    path = file_path(repo, "config.json")
    warm(daemon, path)
    hub.rename(repo, "new/name")
    time.sleep(1.1)  # the ttl is counted in seconds of the clock
    assert ask(daemon, path).body == SMALL
    moved = hub.add_repo("model", "org/hot", {"config.json": OTHER})
    wait_until(lambda: ask(daemon, path).body == OTHER, "the new repo of that name", 3)
    assert ask(daemon, path, "HEAD").header("x-repo-commit") == moved.head


@pytest.mark.parametrize("event", ("private", "gated"))
def test_a_repo_that_was_closed(hub, start, repo, event):
    daemon = start(hub, revisions_ttl="1s")
    path = file_path(repo, "config.json")
    warm(daemon, path)
    setattr(repo, event, True if event == "private" else "manual")
    wait_until(lambda: ask(daemon, path).status in (401, 403, 404), "the refusal", 3)
    assert ask(daemon, path, "HEAD").status in (401, 403, 404)


def test_what_one_group_may_read_another_may_not(hub, start, tmp_path):
    gated = hub.add_repo("model", "org/gated", {"config.json": SMALL}, gated="manual")
    token = "hf_" + "g" * 34
    hub.add_token(token, [gated])
    daemon = start(hub)
    path = file_path(gated, "config.json", gated.head)
    warm(daemon, path, authorization=f"Bearer {token}")
    for method in ("GET", "HEAD"):
        assert ask(daemon, path, method).status == 401
        assert ask(daemon, path, method, authorization="Bearer hf_" + "x" * 34).status in (401, 403)
    assert ask(daemon, path, authorization=f"Bearer {token}").body == SMALL


def test_the_gate_is_passed_each_time(hub, start, repo, tmp_path):
    config = tmp_path / "hubkeep.yaml"
    config.write_text("{}")
    daemon = start(hub, config=str(config))
    path = file_path(repo, "config.json")
    warm(daemon, path)
    config.write_text("policy: {rules: [{name: no, repos: [org/*], action: deny}]}")
    daemon.admin("POST", "/reload")
    for method in ("GET", "HEAD"):
        assert ask(daemon, path, method).status == 403
    config.write_text("{}")
    daemon.admin("POST", "/reload")
    assert ask(daemon, path).body == SMALL


def test_under_the_viewers_name_a_target_means_something_else(hub, start, repo):
    daemon = start(hub)
    path = file_path(repo, "config.json")
    warm(daemon, path)
    assert ask(daemon, path, host="datasets-server.localhost").body != SMALL
