"""What the Hub refuses is refused by the same exception through the daemon, over plain http.

Each client asks the stand-in Hub itself, over https, and then the daemon in front of it: what an
`except` would catch is compared by name. Where the two differ, `RIGHT` says what is right and why.
"""
import pytest

from clients import test_js as js
from clients.scene import Scene
from clients.support import VERSIONS
from hub import Generated

FILES = {"config.json": b"{}", "model.bin": Generated(20_000, "refused")}
COMMIT = "0123456789" * 4
KNOWN, UNKNOWN = "hf_" + "k" * 34, "hf_" + "u" * 34
CALLS = ("file", "snapshot", "info", "tree")
# The repo, the client's token (False: none), and what else is asked for.
ROWS = {
    "gated, anonymous": ("org/gated", False, {}),
    "gated, without access": ("org/gated", KNOWN, {}),
    "private, anonymous": ("org/private", False, {}),
    "private, without access": ("org/private", KNOWN, {}),
    "missing repo, anonymous": ("org/nowhere", False, {}),
    "missing repo, with a token": ("org/nowhere", KNOWN, {}),
    "missing dataset, anonymous": ("org/nowhere", False, {"repo_type": "dataset"}),
    "missing short name": ("nowhere", False, {}),
    "token nobody knows": ("org/open", UNKNOWN, {}),
    "missing branch": ("org/open", False, {"revision": "no-such-branch"}),
    "missing commit": ("org/open", False, {"revision": COMMIT}),
    "disabled": ("org/disabled", False, {}),
}
MISSING = {"file": {"filename": "missing.json"}, "tree": {"path_in_repo": "no/such/folder"}}


def jobs_of(endpoint: str) -> dict[tuple[str, str], dict]:
    jobs = {}
    for row, (repo_id, token, more) in ROWS.items():
        for call in CALLS:
            wanted = {"filename": "config.json"} if call == "file" else {}
            jobs[row, call] = {"call": call, "repo_id": repo_id, "token": token} | more | wanted
    for call, wanted in MISSING.items():
        jobs["missing entry", call] = {"call": call, "repo_id": "org/open", "token": False} | wanted
    return {case: job | {"endpoint": endpoint} for case, job in jobs.items()}


def caught(results) -> list[str]:
    return [it["error"][0] if "error" in it else "nothing" for it in results]


@pytest.fixture
def refusing(hub_tls, hubkeep, outside, tmp_path):
    """A Hub over https with one repo of every sort, behind a daemon over http."""
    outside.attempts.clear()
    hub_tls.xet = False     # it would be a second way to the file, with exceptions of its own
    for name, traits in (("open", {}), ("gated", {"gated": "auto"}), ("private", {"private": True}),
                         ("disabled", {})):
        hub_tls.add_repo("model", f"org/{name}", FILES, **traits)
    hub_tls.repo("model", "org/disabled").disabled = True
    hub_tls.add_token(KNOWN, ["org/open", "org/disabled"])
    scene = Scene(hub_tls, hubkeep, outside, tmp_path / "users")
    scene.start()
    yield scene
    assert outside.hub_attempts() == []


# huggingface_hub 0.14 to 0.21 reads a bare 401 as "no such repo" only from huggingface.co itself,
# which the stand-in is not. The daemon's 404 with a code says so to every version.
BARE_401 = [it for it in ROWS if it.endswith("anonymous") and not it.startswith("gated")]
RIGHT = {("hf-0.20", row, call): "RepositoryNotFoundError"
         for row in [*BARE_401, "missing short name"] for call in CALLS}


@pytest.mark.parametrize("version", VERSIONS)
def test_huggingface_hub_raises_what_the_hub_makes_it_raise(refusing, version):
    authority = {it: refusing.hub.ca_file for it in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}

    def ask(endpoint):
        client = refusing.client(version, endpoint, **authority)
        jobs = jobs_of(endpoint)
        return dict(zip(jobs, caught(client.do(*jobs.values())), strict=True)), markers_of(client)

    expected, markers = ask(refusing.hub.url)
    assert len(set(expected.values())) >= 5 and markers == {"missing.json"}
    expected |= {(row, call): name for (who, row, call), name in RIGHT.items() if who == version}
    for turn in ("first", "second"):
        seen, planted = ask(refusing.daemon.url)
        differing = [f"{' / '.join(it)}: {seen[it]}, not {name}"
                     for it, name in expected.items() if seen[it] != name]
        assert not differing, f"at the {turn} time:\n" + "\n".join(differing)
        assert planted == markers


def markers_of(client) -> set[str]:
    return {it.name for it in client.markers()}


def test_the_javascript_client_learns_what_the_hub_says(refusing):
    jobs = [{"call": call, "path": path, "repo": {"type": "model", "name": repo},
             "revision": revision}
            for call in ("file", "exists") for repo, path, revision in (
                ("org/open", "missing.json", "main"), ("org/open", "config.json", "no-such-branch"),
                ("org/gated", "config.json", "main"), ("org/disabled", "config.json", "main"))]
    jobs += [{"call": "list", "repo": {"type": "model", "name": repo}}
             for repo in ("org/nowhere", "org/open")]

    def ask(url):
        results = js.run_jobs(refusing.home(), [{"hubUrl": url} | it for it in jobs],
                              NODE_EXTRA_CA_CERTS=refusing.hub.ca_file)
        return [without_request(it) for it in results]

    expected = ask(refusing.hub.url)
    # Who is asked without a token about a repo that is not there hears 404 of the daemon.
    expected[-2] |= {"status": 404, "error": "Repository not found"}
    for _ in range(2):
        assert ask(refusing.daemon.url) == expected


def without_request(result: dict) -> dict:
    """The message ends with the id and the address of the request, which are each side's own."""
    if "error" in result:
        result["error"] = result["error"].partition(". URL:")[0].partition(". Request ID:")[0]
    result.pop("xet", None)
    return result
