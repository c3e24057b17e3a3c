"""One quota for all clients: it is asked for no more than it grants, and told about truthfully."""
import http.client
import re
import time

import pytest

from fault.support import MIB, ask, expect_file, file_path, together, wait_until
from hub import Generated

FILES = {"config.json": b'{"a": 1}', "weights.bin": Generated(2 * MIB, "weights")}
# A HEAD of what git has takes two requests, one of an LFS file one.
MANY = {f"part-{n:03}.json": b"%d" % n for n in range(50)}
MANY_LFS = {f"part-{n:03}.bin": Generated(2 * MIB, f"part {n}") for n in range(50)}
AT_ONCE_SECONDS = 1.0


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/quota", FILES | MANY | MANY_LFS)


def limits(answer) -> tuple[str, int]:
    """The bucket that is used up, and for how many seconds."""
    bucket, seconds = re.fullmatch(r'"([a-z]+)";r=0;t=(\d+)', answer.header("ratelimit")).groups()
    assert answer.header("retry-after") == seconds, answer
    return bucket, int(seconds)


def refused(hub) -> int:
    return len([it for it in hub.requests if it.status == 429])


def test_a_429_tells_the_true_time_and_closes_one_bucket(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    hub.set_quota("resolvers", 0, window=120)
    first = ask(daemon, file_path(repo, "config.json"), "HEAD")
    assert first.status == 429 and first.header("x-error-message"), first
    assert first.header("x-error-code") is None
    bucket, seconds = limits(first)
    assert bucket == "resolvers" and 115 <= seconds <= 120
    assert first.header("ratelimit-policy") == '"fixed window";"resolvers";q=0;w=120'
    assert hub.count("hub") == 1
    for _ in range(5):
        assert limits(ask(daemon, file_path(repo, "config.json"), "HEAD"))[0] == "resolvers"
        assert ask(daemon, file_path(repo, "weights.bin")).status == 429
    assert hub.count("hub") == 1, "a closed bucket was asked"
    assert ask(daemon, f"/api/models/{repo.id}/tree/main").status == 200
    assert "quota resolvers" in ask(daemon, "/-/readyz").body.decode()


def test_what_is_known_is_served_stale_at_once(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    questions = [file_path(repo, "config.json"), f"/api/models/{repo.id}/tree/main",
                 f"/api/models/{repo.id}/refs"]
    before = [ask(daemon, it).body for it in questions]
    hub.rate_limit = 0
    ask(daemon, file_path(repo, "weights.bin"), "HEAD")
    ask(daemon, "/api/models/org/other/refs")
    hub.reset_counts()
    for path, body in zip(questions, before):
        began = time.monotonic()
        answer = ask(daemon, path)
        assert time.monotonic() - began < AT_ONCE_SECONDS
        assert answer.status == 200 and answer.body == body
        assert re.search(r"limits the requests.* \d+ seconds", answer.warning), answer
    assert hub.requests == []


@pytest.mark.parametrize("method", ("HEAD", "GET"))
def test_a_short_pause_is_waited_for_inside(hub, hubkeep, repo, method):
    daemon = hubkeep(hub)
    hub.set_quota("resolvers", 100, window=3, used=100)
    began = time.monotonic()
    answer = ask(daemon, file_path(repo, "config.json"), method)
    assert answer.status == 200, answer
    assert 2 <= time.monotonic() - began < 7
    assert refused(hub) == 1


def test_fifty_clients_of_a_used_up_quota_do_not_hammer(hub, hubkeep, repo):
    """One question tells that the bucket is empty; nothing is asked until it opens, and then the
    fifty come one after two after four."""
    daemon = hubkeep(hub)
    hub.set_quota("resolvers", 200, window=4, used=199)
    assert ask(daemon, file_path(repo, "config.json"), "HEAD").status in (200, 429)
    hub.reset_counts()
    answers = together(lambda it: ask(daemon, file_path(repo, it), "HEAD"), MANY)
    assert [it.status for it in answers] == [200] * len(MANY)
    assert refused(hub) <= 1
    assert hub.count("hub") <= 2 * len(MANY) + 2


def test_a_quota_smaller_than_the_crowd_is_used_up_and_not_overdrawn(hub, hubkeep, repo):
    """Those who cannot be served within their patience are told when they can."""
    daemon = hubkeep(hub)
    hub.set_quota("resolvers", 20, window=60, used=10)
    assert ask(daemon, file_path(repo, "weights.bin"), "HEAD").status == 200
    answers = together(lambda it: ask(daemon, file_path(repo, it), "HEAD"), MANY_LFS)
    assert sorted(it.status for it in answers) == [200] * 9 + [429] * 41
    assert all(limits(it)[1] > 40 for it in answers if it.status == 429)
    assert refused(hub) == 0


def test_the_last_of_the_quota_is_for_what_nobody_has(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    path = file_path(repo, "config.json")
    assert ask(daemon, path).status == 200
    hub.set_quota("resolvers", 1000, window=300, used=960)
    assert ask(daemon, path).warning is None, "the count is not known before the next answer"
    hub.reset_counts()
    answer = ask(daemon, path)
    assert answer.status == 200 and "Nearly all" in answer.warning, answer
    assert hub.requests == []
    assert ask(daemon, file_path(repo, "part-000.json")).status == 200


def test_bytes_wait_for_the_quota_or_the_client_is_told(hub, hubkeep, repo):
    hub.cdn.ttl = 10.0      # what HEAD was led to ends too soon to be used for the bytes
    daemon = hubkeep(hub)
    path = file_path(repo, "weights.bin")
    assert ask(daemon, path, "HEAD").status == 200
    hub.set_quota("resolvers", 0, window=100)
    answer = ask(daemon, path)
    assert answer.status == 429 and limits(answer)[1] > 90, answer
    daemon.restart()
    hub.set_quota("resolvers", 100, window=3, used=100)
    expect_file(ask(daemon, path), FILES["weights.bin"])


def test_more_requests_than_may_wait_for_the_hub(hub, hubkeep):
    daemon = hubkeep(hub, limits_hub_requests=2)
    paths = [file_path(hub.add_repo("model", f"org/crowd-{n}", FILES), "config.json")
             for n in range(3)]
    with hub.gate("resolve", origin="hub") as gate:
        def third():
            gate.wait_arrived(2)
            answer = ask(daemon, paths[2], "HEAD")
            gate.open()
            return answer
        one, two, refusal = together(
            lambda it: it(), [lambda: ask(daemon, paths[0], "HEAD"),
                              lambda: ask(daemon, paths[1], "HEAD"), third])
    assert (one.status, two.status, refusal.status) == (200, 200, 429)
    assert limits(refusal) == ("proxy", 1) and "This proxy" in refusal.header("x-error-message")
    assert ask(daemon, paths[2], "HEAD").status == 200


def test_one_connection_too_many_is_told_so(hub, hubkeep, repo):
    daemon = hubkeep(hub, limits_connections=3)
    path = file_path(repo, "config.json")
    held = [http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10) for _ in range(3)]
    for link in held:
        link.request("GET", "/-/livez")
        assert link.getresponse().read() == b"ok\n"
    for _ in range(3):
        answer = ask(daemon, path)
        assert answer.status == 429 and answer.complete and limits(answer) == ("proxy", 1)
        assert answer.header("connection") == "close"
        assert answer.header("access-control-allow-origin") == "*"
        assert ask(daemon, "/-/readyz").status == 200
    for link in held:
        link.close()
    wait_until(lambda: ask(daemon, path).status == 200, "there is room again")
