"""The Hub's "no" is remembered for a short time of its own, for who asked; a failure never is."""
import itertools

import pytest

from fault.support import ask, clients_of, expect_file, file_path, together, wait_until
from hub import Generated
from support.daemon import new_token

FILES = {"a.bin": Generated(30_000, "negative"), "c.json": b"{}"}
HTML = {"Content-Type": "text/html"}
# A path that is refused, and what makes it right.
REFUSALS = {
    "no such repo": ("/org/late/resolve/main/c.json",
                     lambda hub, repo: hub.add_repo("model", "org/late", FILES)),
    "no such branch": ("/org/name/resolve/late/c.json", lambda hub, repo: repo.branch("late")),
    "private": ("/org/private/resolve/main/c.json",
                lambda hub, repo: setattr(hub.repo("model", "org/private"), "private", False)),
    "gated": ("/org/gated/resolve/main/c.json",
              lambda hub, repo: setattr(hub.repo("model", "org/gated"), "gated", False)),
    "disabled": ("/org/disabled/resolve/main/c.json",
                 lambda hub, repo: setattr(hub.repo("model", "org/disabled"), "disabled", False)),
}
EVERY_REFUSAL = pytest.mark.parametrize("name", REFUSALS)
FAULTS = {
    "500": ("status", {"code": 500}), "503": ("status", {"code": 503}),
    "404 without a code": ("status", {"code": 404}),
    "404 as a page": ("status", {"code": 404, "headers": HTML, "body": "<h1>Not found</h1>"}),
    "403 of a firewall": ("status", {"code": 403, "headers": HTML, "body": "<h1>Blocked</h1>"}),
    "web page": ("html", {}), "closes": ("early_close", {}), "not HTTP": ("raw", {"data": b"hi\n"}),
    "cut": ("raw", {"data": b"HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNot"}),
}


@pytest.fixture
def repo(hub):
    for name, traits in (("private", {"private": True}), ("gated", {"gated": "auto"}),
                         ("disabled", {})):
        hub.add_repo("model", f"org/{name}", FILES, **traits)
    hub.repo("model", "org/disabled").disabled = True
    return hub.add_repo("model", "org/name", FILES)


@EVERY_REFUSAL
def test_many_who_ask_cost_one_question(hub, hubkeep, repo, name):
    path, _ = REFUSALS[name]
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1h")
    said = [ask(daemon, path, method) for method in ("HEAD", "GET", "HEAD", "GET")]
    assert len({(it.status, it.header("x-error-code"), it.header("x-error-message"))
                for it in said}) == 1 and said[0].status in (401, 403, 404), said
    assert hub.count("hub") == 1


@EVERY_REFUSAL
def test_it_ends_with_its_own_ttl(hub, hubkeep, repo, name):
    path, repair = REFUSALS[name]
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1s")
    assert ask(daemon, path).status in (401, 403, 404)
    repair(hub, repo)
    wait_until(lambda: ask(daemon, path).status == 200, "the Hub is asked again", seconds=4)


@EVERY_REFUSAL
def test_without_a_ttl_the_hub_is_always_asked(hub, hubkeep, repo, name):
    path, repair = REFUSALS[name]
    daemon = hubkeep(hub, revisions_ttl="0s", revisions_negative_ttl="1h")
    assert ask(daemon, path).status in (401, 403, 404)
    repair(hub, repo)
    answer = ask(daemon, path)
    assert answer.status == 200 and answer.body == b"{}", answer


@pytest.mark.parametrize("name", ("private", "gated"))
@pytest.mark.parametrize("order", list(itertools.permutations(("nobody", "stranger", "member"))),
                         ids="-".join)
def test_one_who_is_refused_speaks_for_nobody_else(hub, hubkeep, repo, name, order):
    tokens = {"nobody": None, "stranger": new_token(), "member": new_token()}
    hub.add_token(tokens["stranger"], ["org/name"])
    hub.add_token(tokens["member"], ["org/name", f"org/{name}"])
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1h")
    path, _ = REFUSALS[name]
    for who in 2 * order:
        fields = {"authorization": f"Bearer {tokens[who]}"} if tokens[who] else {}
        answer = ask(daemon, path, **fields)
        if who == "member":
            assert answer.status == 200 and answer.body == b"{}", f"{who}: {answer}"
        else:
            assert answer.status in (401, 403, 404), f"{who}: {answer}"


@pytest.mark.parametrize(("method", "path"), (
    ("HEAD", "/org/name/resolve/main/c.json"), ("GET", "/api/models/org/name/revision/main"),
    ("GET", "/api/models/org/name/refs")), ids=("file", "info", "refs"))
def test_a_bad_token_speaks_for_nobody_who_asks_at_the_same_time(hub, hubkeep, repo, method, path):
    daemon = hubkeep(hub)
    wrong = {"authorization": f"Bearer {new_token()}"}
    assert ask(daemon, f"/api/models/{repo.id}/auth-check", **wrong).status == 401

    def run(number):
        if number == 0:
            return ask(daemon, path, method, **wrong)
        gate.wait_arrived(1)
        if number < 5:
            return ask(daemon, path, method)
        wait_until(lambda: clients_of(daemon) >= 5, "all are connected")
        gate.open()

    with hub.gate(path, method=method) as gate:
        refused, *others, _ = together(run, range(6))
    assert refused.status == 401 and {it.status for it in others} == {200}, (refused, others)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_is_remembered_as_a_no(hub, hubkeep, repo, fault):
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1h",
                     upstream_stall_timeout="1s")
    kind, options = FAULTS[fault]
    hub.fault(None, kind, origin="hub", times=None, **options)
    api = f"/api/models/{repo.id}"
    asked = [("HEAD", file_path(repo, "a.bin")), ("GET", file_path(repo, "c.json")),
             ("HEAD", file_path(repo, "c.json", repo.head)), ("GET", api),
             ("GET", f"{api}/tree/main"), ("GET", f"{api}/refs")]
    for method, path in asked:
        answer = ask(daemon, path, method)
        assert answer.status >= 400 and answer.header("x-error-code") is None, f"{path}: {answer}"
    hub.clear_faults()
    wait_until(lambda: ask(daemon, asked[0][1], "HEAD").status == 200, "it recovers", seconds=10)
    for method, path in asked:
        assert ask(daemon, path, method).status == 200, path
    expect_file(ask(daemon, file_path(repo, "a.bin")), FILES["a.bin"])


def test_a_timeout_is_not_remembered_as_a_no(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1h",
                     upstream_stall_timeout="1s")
    path = file_path(repo, "c.json")
    with hub.gate(".", origin="hub"):
        answer = ask(daemon, path, "HEAD")
        assert answer.status >= 500 and answer.header("x-error-code") is None, answer
    wait_until(lambda: ask(daemon, path, "HEAD").status == 200, "it recovers", seconds=10)


def test_a_failure_does_not_lengthen_a_no(hub, hubkeep, repo):
    """Once its time is over, a refusal that cannot be confirmed is no answer any more."""
    daemon = hubkeep(hub, revisions_ttl="1h", revisions_negative_ttl="1s")
    path, _ = REFUSALS["no such repo"]
    assert ask(daemon, path).header("x-error-code") == "RepoNotFound"
    hub.down()
    wait_until(lambda: ask(daemon, path).status >= 500, "it is unknown again", seconds=4)
    assert ask(daemon, path).header("x-error-code") is None


def test_a_new_repo_under_an_old_name_is_that_repo(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    path = file_path(repo, "c.json")
    hub.rename(repo, "other/name")
    assert ask(daemon, path).body == b"{}"
    hub.add_repo("model", "org/name", {"c.json": b"[]"})
    assert ask(daemon, path).body == b"[]"
    assert ask(daemon, "/api/models/org/name").json()["id"] == "org/name"
    assert ask(daemon, "/api/models/other/name").json()["id"] == "other/name"
    daemon.restart()
    hub.down()
    assert ask(daemon, path).body == b"[]"
    assert ask(daemon, file_path(repo, "c.json")).body == b"{}"
