"""No failure of the Hub is taken for its word, by any client, whatever the failure looks like.

One daemon for each way to fail, all in front of one stand-in Hub, so that one run of a client meets
them all. What was never seen is an error of the kind "could not be asked", at once; what was seen
is served; and no client plants the marker by which it would for ever believe in a missing file.
"""
import socket
import types

import pytest

from clients import test_js as js
from clients import test_rust as rust
from clients.support import VERSIONS, Client, expect_file, expect_snapshot, sha256
from fault.support import together
from hub import Generated
from support.daemon import new_token

QUICK = 5.0
FILES = {"config.json": b"{}", "model.bin": Generated(50_000, "limited")}
HTML = {"Content-Type": "text/html"}
LIMITED = {"RateLimit": '"api";r=0;t=240', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
# Who waits as long as a 429 says: nobody, for a HEAD, or for everything.
WAITS_NOT, WAITS_AT_THE_API = ("hf-0.20", "hf-0.36"), ("hf-newest",)
SHORT = {"upstream_connect_timeout": "1s", "upstream_stall_timeout": "1s"}
# What the Hub's answers become, for every request about the repo.
FAULTS = {
    "500": ("status", {"code": 500}), "502": ("status", {"code": 502}),
    "503": ("status", {"code": 503}), "504": ("status", {"code": 504}),
    "404 without a code": ("status", {"code": 404, "headers": HTML, "body": "<h1>Not found</h1>"}),
    "403 of a firewall": ("status", {"code": 403, "headers": HTML, "body": "<h1>Blocked</h1>"}),
    "405 of a firewall": ("status", {"code": 405, "headers": HTML}),
    "web page": ("html", {}), "closes": ("early_close", {}), "not HTTP": ("raw", {"data": b"hi\n"}),
    "redirect to a stranger": ("redirect", {"location": "https://127.0.0.1:1/login"}),
}
OTHERS = ("nobody listens", "nobody answers", "service token refused", "offline")
FAILURES = [*FAULTS, *OTHERS]


class Outage:
    """A repo that the daemon knows a part of, and one that it has never heard of."""

    def __init__(self, name: str, hub, hubkeep, ports: dict[str, int]):
        slug = name.lower().replace(" ", "-")
        # The newest huggingface_hub takes a file that it has from another repo from there.
        files = FILES | {"model.bin": Generated(50_000, slug)}
        self.name = name
        self.known = hub.add_repo("model", f"org/{slug}-known", files)
        self.known.branch("unseen")
        self.never = hub.add_repo("model", f"org/{slug}-never", files)
        self._token = new_token() if name == "service token refused" else None
        if self._token:
            hub.add_token(self._token)
        self.daemon = hubkeep(hub, token=self._token, revisions_ttl="0s", **SHORT)
        self._hub, self._slug, self._ports = hub, slug, ports

    def begin(self) -> None:
        if self.name in FAULTS:
            kind, options = FAULTS[self.name]
            self._hub.fault(f"/{self._slug}-", kind, origin="hub", times=None, **options)
        elif self.name == "offline":
            self.daemon.restart(offline=True)
        elif self._token:
            self._hub.revoke_token(self._token)
        else:
            self.daemon.restart(upstream_endpoint=f"http://127.0.0.1:{self._ports[self.name]}")


@pytest.fixture
def dead_ports():
    """One refuses every connection, and nobody else can take it meanwhile. At the other one the
    kernel accepts connections, and nobody ever answers."""
    with socket.socket() as refusing, socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        refusing.bind(("127.0.0.1", 0))
        yield {"nobody listens": refusing.getsockname()[1],
               "nobody answers": silent.getsockname()[1]}


@pytest.fixture
def outages(hub, hubkeep, dead_ports):
    return [Outage(it, hub, hubkeep, dead_ports) for it in FAILURES]


def never_seen(outage) -> list[tuple[dict, str]]:
    """Jobs about what the daemon cannot know, and the exception of each."""
    about = {"endpoint": outage.daemon.url, "repo_id": outage.never.id}
    known = about | {"repo_id": outage.known.id}
    lost, refused = "LocalEntryNotFoundError", "HfHubHTTPError"
    return [({"call": "file", "filename": "config.json", **about}, lost),
            ({"call": "file", "filename": "config.json", "revision": "0" * 40, **about}, lost),
            ({"call": "file", "filename": "config.json", "revision": "unseen", **known}, lost),
            ({"call": "snapshot", **about}, lost), ({"call": "info", **about}, refused),
            ({"call": "tree", **about}, refused), ({"call": "refs", **about}, refused)]


@pytest.mark.parametrize("version", VERSIONS)
def test_huggingface_hub(outages, outside, tmp_path, version):
    users = [Client(version, tmp_path / name, outages[0].daemon.url, outside.url)
             for name in ("first", "second")]
    about = [({"endpoint": it.daemon.url, "repo_id": it.known.id}, it) for it in outages]
    known = [({"call": "file", "filename": "config.json", **job}, it) for job, it in about]
    known += [({"call": "snapshot", **job}, it) for job, it in about]
    for result in users[0].do(*(job for job, _ in known), at_once=8):
        assert "error" not in result, result
    for outage in outages:
        outage.begin()
    unknown = [(outage, job, expected) for outage in outages
               for job, expected in never_seen(outage)]
    for user in users:
        jobs = [job for _, job, _ in unknown] + [job for job, _ in known]
        results = user.do(*jobs, at_once=8)
        wrong = [f"{outage.name}, {job['call']} of {job['repo_id']}: {of(result)}, not {expected}"
                 for (outage, job, expected), result in zip(unknown, results)
                 if of(result) != expected]
        assert not wrong, "\n".join(wrong)
        for (job, outage), result in zip(known, results[len(unknown):], strict=True):
            if job["call"] == "file":
                expect_file(result, outage.known, "main", "config.json")
            else:
                expect_snapshot(result, outage.known)
        slow = [(job, result["seconds"]) for job, result in zip(jobs, results)
                if result["seconds"] > QUICK]
        assert slow == []
        assert user.markers() == []


def of(result: dict) -> str:
    return result["error"][0] if "error" in result else "nothing"


@pytest.mark.parametrize("mode", ("sync", "tokio"))
def test_rust(outages, tmp_path, mode):
    """It takes every status of 400 and above for an error, and its words are all that it keeps."""
    def visit(outage, repo, home):
        user = types.SimpleNamespace(home=tmp_path / home, endpoint=outage.daemon.url)
        return rust.run(None, mode, repo, "main", *FILES, user=user)

    def visit_all(name, home):
        repos = [getattr(it, name) for it in outages]
        folders = [f"{home} {n}" for n in range(len(outages))]
        return together(lambda it: visit(*it), zip(outages, repos, folders))

    for answers in visit_all("known", "first"):
        assert {it for it, _ in answers} == {"ok"}
    for outage in outages:
        outage.begin()
    for outage, answers in zip(outages, visit_all("never", "second")):
        for verdict, why in answers:
            assert verdict == "error" and "530" in why, f"{outage.name}: {why}"
    for outage, answers in zip(outages, visit_all("known", "third")):
        for path, (verdict, place) in zip(FILES, answers, strict=True):
            assert verdict == "ok", f"{outage.name}: {place}"
            assert sha256(place) == outage.known.find("main").entries[path].content.sha256


def test_javascript(outages, tmp_path):
    """It makes `null` and `false` of a file that is not there: no failure may become either."""
    about = [{"hubUrl": it.daemon.url, "path": "config.json",
              "repo": {"type": "model", "name": it.never.id}} for it in outages]
    known = [job | {"call": "file", "repo": {"type": "model", "name": it.known.id}}
             for job, it in zip(about, outages)]
    config = outages[0].known.find("main").entries["config.json"].content
    content = {"size": config.size, "sha256": config.sha256}
    assert js.run_jobs(tmp_path / "first", known) == len(known) * [content]
    for outage in outages:
        outage.begin()
    unknown = [job | {"call": call} for job in about for call in ("file", "exists", "list")]
    results = js.run_jobs(tmp_path / "second", unknown + known, at_once=8)
    assert results[len(unknown):] == len(known) * [content]
    for job, result in zip(unknown, results):
        assert result.get("status", 0) >= 500, (job, result)


@pytest.mark.parametrize("version", [it for it in VERSIONS if it not in WAITS_AT_THE_API])
def test_a_limit_is_passed_on_with_its_time(scene, version):
    known = scene.hub.add_repo("model", "org/known", FILES)
    scene.hub.add_repo("model", "org/never", FILES)
    scene.start(revisions_ttl="0s")
    seen = {"call": "snapshot", "repo_id": known.id}
    expect_snapshot(scene.client(version).do(seen)[0], known)
    scene.hub.fault(None, "status", origin="hub", times=None, code=429, headers=LIMITED)
    jobs = [{"call": call, "repo_id": "org/never"} for call in ("info", "tree", "refs")]
    if version in WAITS_NOT:
        jobs.append({"call": "file", "repo_id": "org/never", "filename": "config.json"})
    client = scene.client(version)
    *refused, served = client.do(*jobs, seen)
    expected = ["HfHubHTTPError"] * 3 + ["LocalEntryNotFoundError"] * (len(jobs) - 3)
    assert [of(it) for it in refused] == expected
    assert all("429" in it["message"] for it in refused[:3])
    expect_snapshot(served, known)
    assert client.markers() == []


@pytest.mark.parametrize("version", [it for it in VERSIONS if it not in WAITS_NOT])
def test_a_limit_that_ends_is_waited_for(scene, version):
    repo = scene.hub.add_repo("model", "org/limited", FILES)
    soon = LIMITED | {"RateLimit": '"resolvers";r=0;t=1'}
    scene.hub.fault("/resolve/", "status", origin="hub", times=1, code=429, headers=soon)
    job = {"call": "file", "repo_id": repo.id, "filename": "config.json"}
    expect_file(scene.client(version).do(job)[0], repo, "main", "config.json")
