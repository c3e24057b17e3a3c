"""The Hub is gone, in all the ways a Hub can be: what was seen stays served, and says so.

Times are bounds for a loaded machine; the point is that nobody waits for a timeout twice.
"""
import contextlib
import socket
import time

import pytest

from fault.support import (MIB, all_published, ask, expect_file, file_path, published, together,
                           wait_until)
from hub import Generated

FIRST_SECONDS = 3
AT_ONCE_SECONDS = 0.5
FILES = {"config.json": b'{"a": 1}', "weights.bin": Generated(2 * MIB, "weights")}


@contextlib.contextmanager
def refused(hub):
    hub.down()
    yield
    hub.up()


@contextlib.contextmanager
def black_hole(hub):
    """The kernel accepts connections, and nobody ever answers."""
    port = hub.origins["hub"].port
    hub.down()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
        yield
    hub.up()


def answers(kind, **options):
    @contextlib.contextmanager
    def mode(hub):
        hub.fault(None, kind, origin="hub", times=None, **options)
        yield
        hub.clear_faults()
    return mode


MODES = {
    "refused": refused, "black-hole": black_hole,
    "500": answers("status", code=500), "502": answers("status", code=502),
    "503": answers("status", code=503), "504": answers("status", code=504),
    "429": answers("status", code=429, headers={"RateLimit": '"api";r=0;t=3'}),
    "web-page": answers("html"), "closes": answers("early_close"),
    "web-page-403": answers("status", code=403, headers={"Content-Type": "text/html"},
                            body="<html>blocked</html>"),
    "waf-405": answers("status", code=405, headers={"Content-Type": "text/html"}),
}
EVERY_MODE = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/gone", FILES)


def questions(repo) -> dict[str, tuple[str, str]]:
    api = f"/api/models/{repo.id}"
    return {
        "file": ("GET", file_path(repo, "weights.bin")),
        "small file": ("GET", file_path(repo, "config.json")),
        "head": ("HEAD", file_path(repo, "weights.bin")),
        "head of a small file": ("HEAD", file_path(repo, "config.json")),
        "info": ("GET", api),
        "revision": ("GET", f"{api}/revision/main"),
        "tree": ("GET", f"{api}/tree/main?recursive=true&expand=false"),
        "refs": ("GET", f"{api}/refs"),
        "pinned file": ("GET", file_path(repo, "weights.bin", repo.head)),
        "pinned tree": ("GET", f"{api}/tree/{repo.head}?recursive=true&expand=false"),
    }


def what_matters(answer):
    kept = ("etag", "x-repo-commit", "content-length", "content-type", "location", "accept-ranges")
    return answer.status, answer.body, {name: answer.header(name) for name in kept}


def timed(daemon, method, path):
    began = time.monotonic()
    answer = ask(daemon, path, method)
    return answer, time.monotonic() - began


def warm(daemon, repo) -> dict:
    seen = {}
    for name, (method, path) in questions(repo).items():
        answer = ask(daemon, path, method)
        assert answer.status == 200 and answer.warning is None, f"{name}: {answer}"
        seen[name] = what_matters(answer)
    all_published(daemon, [FILES["weights.bin"].sha256])
    return seen


@EVERY_MODE
def test_what_was_seen_is_served_at_once_and_says_so(hub, hubkeep, repo, mode):
    daemon = hubkeep(hub, revisions_ttl="0s", upstream_stall_timeout="1s",
                     upstream_connect_timeout="1s")
    before = warm(daemon, repo)
    with MODES[mode](hub):
        for turn in range(3):
            for name, (method, path) in questions(repo).items():
                answer, seconds = timed(daemon, method, path)
                assert what_matters(answer) == before[name], f"{name}: {answer}"
                stale = "pinned" not in name
                assert (answer.warning is not None) == stale, f"{name}: {answer}"
                limit = FIRST_SECONDS if turn == 0 else AT_ONCE_SECONDS
                assert seconds < limit, f"{name} took {seconds:.2f} s in turn {turn}"
    repo.commit({"config.json": b'{"a": 2}'})

    def is_fresh():
        answer = ask(daemon, file_path(repo, "config.json"))
        return answer.body == b'{"a": 2}' and answer.warning is None
    wait_until(is_fresh, "the Hub is asked again", seconds=20)


@EVERY_MODE
def test_what_was_never_seen_is_an_error_that_clients_survive(hub, hubkeep, repo, mode):
    if mode == "429":
        # Longer than anybody waits inside: a shorter pause would be waited for (test_quota).
        modes = {"429": answers("status", code=429, headers={"RateLimit": '"api";r=0;t=60'})}
    else:
        modes = MODES
    daemon = hubkeep(hub, upstream_stall_timeout="1s", upstream_connect_timeout="1s")
    allowed = {530, 429} if mode == "429" else {530}
    api = f"/api/models/{repo.id}"
    asked = [("HEAD", file_path(repo, "config.json")), ("GET", file_path(repo, "weights.bin")),
             ("GET", file_path(repo, "config.json", "0" * 40)), ("GET", api),
             ("GET", f"{api}/tree/main"), ("GET", f"{api}/refs"),
             ("HEAD", "/org/unknown/resolve/main/x")]
    with modes[mode](hub):
        for turn in range(2):
            for method, path in asked:
                answer, seconds = timed(daemon, method, path)
                assert answer.status in allowed, f"{method} {path}: {answer}"
                assert answer.header("x-error-message"), f"{method} {path}: {answer}"
                assert answer.header("x-error-code") is None, f"{method} {path}: {answer}"
                assert answer.header("etag") is None, f"{method} {path}: {answer}"
                limit = 2 * FIRST_SECONDS if turn == 0 else AT_ONCE_SECONDS
                assert seconds < limit, f"{method} {path} took {seconds:.2f} s in turn {turn}"
        assert published(daemon) == set()
    if mode == "429":
        daemon.restart()
    wait_until(lambda: ask(daemon, asked[1][1]).status == 200, "it recovers", seconds=20)
    expect_file(ask(daemon, asked[1][1]), FILES["weights.bin"])


def test_defaults_are_quick_enough_when_the_hub_is_silent(hub, hubkeep, repo):
    """With the timeouts that operators have: a client must not wait as long as the daemon does."""
    daemon = hubkeep(hub, revisions_ttl="0s")
    before = warm(daemon, repo)
    with black_hole(hub):
        for name in ("head", "file", "info"):
            method, path = questions(repo)[name]
            answer, seconds = timed(daemon, method, path)
            assert what_matters(answer) == before[name] and answer.warning, f"{name}: {answer}"
            assert seconds < FIRST_SECONDS, f"{name} took {seconds:.2f} s"


def test_100_clients_of_a_silent_hub_wait_together(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s", upstream_stall_timeout="1s")
    warm(daemon, repo)
    with black_hole(hub):
        began = time.monotonic()
        for answer in together(lambda _: ask(daemon, file_path(repo, "config.json")), range(100)):
            assert answer.status == 200 and answer.warning, answer
        assert time.monotonic() - began < FIRST_SECONDS


def test_only_the_cdn_is_gone(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s", upstream_stall_timeout="1s")
    path = file_path(repo, "weights.bin")
    hub.down("cdn")
    answer = ask(daemon, path)
    assert answer.failed and answer.header("x-error-code") is None, answer
    assert ask(daemon, path, "HEAD").status == 200
    assert ask(daemon, file_path(repo, "config.json")).body == FILES["config.json"]
    hub.up("cdn")
    expect_file(ask(daemon, path), FILES["weights.bin"])


def test_hub_leaves_in_the_middle_of_a_file_and_comes_back(hub, hubkeep, repo):
    content = FILES["weights.bin"]
    daemon = hubkeep(hub)
    path = file_path(repo, "weights.bin")

    def flap(gate):
        gate.wait_arrived()
        hub.down()
        gate.open()
        hub.up()

    with hub.gate(content.sha256, origin="cdn", at=MIB) as gate:
        answer, _ = together(lambda it: it(), [lambda: ask(daemon, path), lambda: flap(gate)])
    expect_file(answer, content)
    assert hub.bytes_sent("cdn") <= 1.1 * content.size


def test_flapping_hub_costs_no_answer(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    before = warm(daemon, repo)
    for _ in range(10):
        for switch in (hub.down, hub.up):
            switch()
            for name, (method, path) in questions(repo).items():
                answer, seconds = timed(daemon, method, path)
                assert what_matters(answer) == before[name], f"{name}: {answer}"
                assert seconds < FIRST_SECONDS, f"{name} took {seconds:.2f} s"


@pytest.mark.parametrize("restarted", (False, True), ids=("running", "restarted"))
def test_offline_opens_no_connection(hub, hubkeep, repo, restarted):
    daemon = hubkeep(hub, revisions_ttl="0s")
    before = warm(daemon, repo)
    if restarted:
        daemon.restart()
        ask(daemon, file_path(repo, "config.json"))
    daemon.restart(offline=True)
    hub.reset_counts()
    for name, (method, path) in questions(repo).items():
        answer, seconds = timed(daemon, method, path)
        assert what_matters(answer) == before[name], f"{name}: {answer}"
        assert seconds < AT_ONCE_SECONDS
    for method, path in (("HEAD", "/org/other/resolve/main/x"), ("GET", "/api/models/org/other"),
                         ("GET", "/api/models?search=x"), ("GET", file_path(repo, "nothing.bin")),
                         ("HEAD", "/api/telemetry/x"), ("GET", "/api/whoami-v2")):
        answer = ask(daemon, path, method, authorization="Bearer hf_" + "a" * 34)
        code = answer.header("x-error-code")
        assert code not in ("EntryNotFound", "RevisionNotFound", "RepoNotFound"), answer
    assert hub.connections() == 0 and hub.requests == []


def test_readiness_does_not_depend_on_the_hub(hub, hubkeep):
    """Otherwise a cluster would take every replica away at the moment it is needed."""
    daemon = hubkeep(hub)
    hub.down()
    for _ in range(3):
        ask(daemon, "/api/models/org/x")
    assert ask(daemon, "/-/livez").status == 200
    assert ask(daemon, "/-/readyz").status == 200
    assert daemon.restart().running


def test_an_error_page_is_not_stored_under_a_good_name(hub, hubkeep, repo):
    """A portal that says 200 to everything was here first; nothing of it may remain."""
    daemon = hubkeep(hub)
    hub.fault(None, "html", times=None)
    for method, path in questions(repo).values():
        assert ask(daemon, path, method).status >= 500
    hub.clear_faults()
    wait_until(lambda: ask(daemon, file_path(repo, "config.json")).status == 200, "it recovers")
    for name, (method, path) in questions(repo).items():
        answer = ask(daemon, path, method)
        assert answer.status == 200 and b"<" not in answer.body[:1], f"{name}: {answer}"
    expect_file(ask(daemon, file_path(repo, "weights.bin")), FILES["weights.bin"])
