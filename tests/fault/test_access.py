"""No service token: each client has what its own token may read, and never what another's may.

The table is the whole matrix of who asks for what in which state; the states come one after the
other on one daemon, so that whatever was kept for one client is there to be given to the wrong one.
"""
import pytest

from fault.support import MIB, ask, file_path, wait_until
from hub import Generated
from support.daemon import new_token

SECRET = Generated(MIB, "private content")
NOTES = b'{"private": "notes"}'
FILES = {"a.bin": SECRET, "notes.json": NOTES}


class Scene:
    def __init__(self, hub):
        self.tokens = {"owner": new_token(), "member": new_token(), "stranger": new_token(),
                       "unknown": new_token(), "nobody": None}
        self.private = hub.add_repo("model", "org/private", FILES, private=True)
        self.gated = hub.add_repo("dataset", "org/gated", FILES, gated="manual")
        self.public = hub.add_repo("model", "org/public", FILES)
        for name in ("owner", "member"):
            hub.add_token(self.tokens[name], ["org/private", "org/gated", "org/public"])
        hub.add_token(self.tokens["stranger"], ["org/public"])

    def headers(self, who: str) -> dict:
        token = self.tokens[who]
        return {"authorization": f"Bearer {token}"} if token else {}


@pytest.fixture
def scene(hub):
    return Scene(hub)


def content_routes(repo) -> list[tuple[str, str, dict]]:
    kind = f"/api/{repo.plural}/{repo.id}"
    cache = f"/api/resolve-cache/{repo.plural}/{repo.id}/{repo.head}"
    return [
        ("GET", file_path(repo, "a.bin"), {}), ("HEAD", file_path(repo, "a.bin"), {}),
        ("GET", file_path(repo, "a.bin"), {"range": "bytes=0-99"}),
        ("GET", file_path(repo, "a.bin", repo.head), {}),
        ("HEAD", file_path(repo, "a.bin", repo.head), {}),
        ("GET", file_path(repo, "a.bin", repo.head), {"if_none_match": f'"{SECRET.sha256}"'}),
        ("GET", file_path(repo, "notes.json"), {}),
        ("GET", file_path(repo, "notes.json", repo.head), {}),
        ("GET", file_path(repo, "a.bin", word="raw"), {}), ("GET", f"{cache}/notes.json", {}),
        ("GET", f"{kind}/auth-check", {}), ("GET", f"{kind}/commits/main", {})]


def listing_routes(repo) -> list[tuple[str, str, dict]]:
    kind = f"/api/{repo.plural}/{repo.id}"
    return [("GET", kind, {}), ("GET", f"{kind}/revision/main", {}),
            ("GET", f"{kind}/revision/{repo.head}", {}), ("GET", f"{kind}/tree/main", {}),
            ("GET", f"{kind}/tree/{repo.head}?recursive=true", {}), ("GET", f"{kind}/refs", {})]


def gives_away(answer, asked: str) -> list[str]:
    """What of the secret is in an answer, and was not in the question: bytes, digests, names."""
    text = answer.body + str(answer.headers).encode()
    found = ["bytes"] if SECRET.read(0, 64) in answer.body else []
    signs = {"notes": NOTES, "name": b"notes.json",
             "digest": SECRET.sha256.encode()}
    return found + [name for name, sign in signs.items()
                    if sign in text and sign.decode() not in asked]


def expect_refused(daemon, scene, repo, routes) -> None:
    for who in ("stranger", "unknown", "nobody"):
        for method, path, fields in routes:
            answer = ask(daemon, path, method, **fields, **scene.headers(who))
            assert answer.status >= 400, f"{who} got {method} {path}: {answer}"
            code = answer.header("x-error-code")
            assert code not in ("EntryNotFound", "RevisionNotFound"), f"{who}: {answer}"
            assert gives_away(answer, path) == [], f"{who} at {method} {path}: {answer}"


def expect_served(daemon, scene, repo, routes, who="owner", offline=False) -> None:
    for method, path, fields in routes:
        if offline and "auth-check" in path:
            continue    # it is asked of the Hub each time
        answer = ask(daemon, path, method, **fields, **scene.headers(who))
        assert answer.status in (200, 206, 304), f"{who} was refused {method} {path}: {answer}"
        if path.endswith("a.bin") and answer.status == 200 and method == "GET":
            if "/resolve/" in path:
                assert answer.body == SECRET.bytes()


@pytest.mark.parametrize("visibility", ("private", "gated"))
def test_cold_warm_and_offline(hub, hubkeep, scene, visibility):
    repo = getattr(scene, visibility)
    # The Hub tells everybody that a gated repo exists, and what is in it.
    hidden = content_routes(repo) + (listing_routes(repo) if visibility == "private" else [])
    daemon = hubkeep(hub, revisions_ttl="0s")
    expect_refused(daemon, scene, repo, hidden)
    expect_served(daemon, scene, repo, content_routes(repo) + listing_routes(repo))
    expect_refused(daemon, scene, repo, hidden)
    expect_served(daemon, scene, repo, content_routes(repo), who="member")
    expect_refused(daemon, scene, repo, hidden)
    daemon.restart()
    expect_refused(daemon, scene, repo, hidden)
    daemon.restart(offline=True)
    expect_refused(daemon, scene, repo, hidden)
    expect_served(daemon, scene, repo, content_routes(repo) + listing_routes(repo), offline=True)


@pytest.mark.parametrize("ttl", ("0s", "1h"))
def test_errors_for_one_are_not_served_to_another(hub, hubkeep, scene, ttl):
    daemon = hubkeep(hub, revisions_ttl=ttl)
    path = file_path(scene.private, "a.bin")
    for who in ("nobody", "unknown", "stranger"):
        assert ask(daemon, path, **scene.headers(who)).status >= 400
    answer = ask(daemon, path, **scene.headers("owner"))
    assert answer.status == 200 and answer.body == SECRET.bytes()
    answer = ask(daemon, path, **scene.headers("unknown"))
    assert answer.status == 401, f"a wrong token must be told so: {answer}"


def test_public_repos_are_shared_by_all(hub, hubkeep, scene):
    daemon = hubkeep(hub, revisions_ttl="1h")
    for who in ("owner", "stranger", "nobody"):
        for path in (file_path(scene.public, "a.bin"), f"/api/models/{scene.public.id}/tree/main"):
            assert ask(daemon, path, **scene.headers(who)).status == 200, who
    assert hub.count("cdn") == 1
    assert hub.count("hub", path="/tree/") == 1


def test_a_token_that_may_read_brings_the_bytes_once(hub, hubkeep, scene):
    """Each token is asked about, but the content crosses the WAN once."""
    daemon = hubkeep(hub)
    for who in ("owner", "member"):
        answer = ask(daemon, file_path(scene.private, "a.bin"), **scene.headers(who))
        assert answer.status == 200 and answer.body == SECRET.bytes()
    assert hub.count("cdn") == 1


def test_private_content_is_not_reached_through_a_public_twin(hub, hubkeep, scene):
    """The same blob in a public repo opens that repo, not the private one."""
    daemon = hubkeep(hub)
    assert ask(daemon, file_path(scene.public, "a.bin")).status == 200
    for who in ("stranger", "nobody"):
        answer = ask(daemon, file_path(scene.private, "a.bin"), **scene.headers(who))
        assert answer.status >= 400, f"{who}: {answer}"


def test_a_repo_that_became_private_is_closed_again(hub, hubkeep, scene):
    daemon = hubkeep(hub, revisions_ttl="0s")
    path = file_path(scene.public, "a.bin")
    assert ask(daemon, path, **scene.headers("owner")).status == 200
    scene.public.private = True
    for who in ("nobody", "unknown"):
        answer = ask(daemon, path, **scene.headers(who))
        assert answer.status >= 400, f"{who}: {answer}"


def test_a_revoked_token_reads_no_more(hub, hubkeep, scene):
    daemon = hubkeep(hub, revisions_ttl="0s")
    path = file_path(scene.private, "a.bin")
    assert ask(daemon, path, **scene.headers("owner")).status == 200
    hub.revoke_token(scene.tokens["owner"])
    assert ask(daemon, path, **scene.headers("owner")).status == 401


def test_no_token_is_stored_or_logged(hub, hubkeep, scene):
    daemon = hubkeep(hub, log_level="trace")
    expect_served(daemon, scene, scene.private, content_routes(scene.private))
    wait_until(lambda: daemon.access_log(), "requests are logged")
    assert daemon.stop() == 0
    texts = {"output": daemon.output().encode()}
    texts |= {str(it): it.read_bytes() for it in daemon.data_dir.rglob("*") if it.is_file()}
    for who, token in scene.tokens.items():
        if token:
            assert [it for it, text in texts.items() if token.encode() in text] == [], who
