"""The error rows, exactly as recorded, and what is on every answer."""
import base64
import socket

import pytest

TOKEN = "hf_knownreader0000000001"
OTHER = "hf_knownstranger00000001"
RESTRICTED = "Access to model org/gated is restricted"


@pytest.fixture
def repos(hub, repo):
    hub.add_repo("model", "org/hidden", {"a.json": b"{}"}, private=True)
    hub.add_repo("model", "org/gated", {"a.json": b"{}"}, gated="manual")
    hub.add_repo("model", "org/off", {"a.json": b"{}"}).disabled = True
    hub.add_token(TOKEN)
    hub.add_token(OTHER, can_read=["org/name"])
    return hub


@pytest.mark.parametrize("path, token, status, code, message", [
    ("/org/name/resolve/main/none.txt", None, 404, "EntryNotFound", "Entry not found"),
    ("/org/name/resolve/none/config.json", None, 404, "RevisionNotFound", "Invalid rev id: none"),
    ("/org/none/resolve/main/a.json", None, 401, None, "Invalid username or password."),
    ("/org/none/resolve/main/a.json", TOKEN, 404, "RepoNotFound", "Repository not found"),
    ("/org/hidden/resolve/main/a.json", None, 401, None, "Invalid username or password."),
    ("/org/hidden/resolve/main/a.json", OTHER, 404, "RepoNotFound", "Repository not found"),
    ("/org/name/resolve/main/config.json", "hf_unknown", 401, None,
     "Invalid credentials in Authorization header"),
    ("/org/gated/resolve/main/a.json", None, 401, "GatedRepo", RESTRICTED),
    ("/org/gated/resolve/main/a.json", OTHER, 403, "GatedRepo", RESTRICTED),
    ("/org/off/resolve/main/a.json", TOKEN, 403, None, "Access to this resource is disabled.")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_error_rows(repos, fetch, method, path, token, status, code, message):
    reply = fetch(path, method, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert (reply.status_code, reply.headers.get("x-error-code")) == (status, code)
    assert reply.headers["x-error-message"].startswith(message)
    assert ("x-repo-commit" in reply.headers) == (code == "EntryNotFound")
    if status == 401 and code == "GatedRepo":
        assert reply.headers["www-authenticate"].startswith("Bearer realm=")
    if method == "GET":
        assert reply.text.startswith(message)


def test_api_errors_are_json_and_a_gated_repo_shows_its_info(repos, fetch):
    assert fetch("/api/models/org/none").json() == {"error": "Invalid username or password."}
    info = fetch("/api/models/org/gated")
    assert info.status_code == 200 and info.json()["gated"] == "manual"
    assert fetch("/api/models/org/gated/tree/main").status_code == 200
    assert fetch("/api/models/org/gated/commits/main").status_code == 401
    assert fetch("/api/models/org/gated/auth-check").headers["x-error-code"] == "GatedRepo"
    login = {"Authorization": f"Bearer {TOKEN}"}
    assert fetch("/api/models/org/gated/auth-check", headers=login).status_code == 200
    assert fetch("/api/models/org/off").json()["disabled"] is True


def test_whoami_and_revoked_tokens(repos, fetch):
    login = {"Authorization": f"Bearer {TOKEN}"}
    assert fetch("/api/whoami-v2").json()["error"] == "Invalid username or password."
    assert fetch("/api/whoami-v2", headers=login).json()["auth"]["accessToken"]["role"] == "read"
    repos.revoke_token(TOKEN)
    assert fetch("/api/whoami-v2", headers=login).status_code == 401


def test_whoami_tells_what_a_token_is(repos, fetch):
    repos.add_token(TOKEN, user="robot", name="ci", role="fineGrained", is_pro=True,
                    expires_at="2026-12-31T00:00:00.000Z")
    told = fetch("/api/whoami-v2", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert (told["name"], told["isPro"]) == ("robot", True)
    assert told["auth"]["accessToken"]["role"] == "fineGrained"
    assert told["auth"]["accessToken"]["displayName"] == "ci"
    assert told["auth"]["expiresAt"] == "2026-12-31T00:00:00.000Z"


@pytest.mark.parametrize("path", ["a.json", "missing.json"])
def test_access_is_given_and_taken_at_any_time(repos, fetch, path):
    """Who may not read a gated repo does not learn either which files it has."""
    login = {"Authorization": f"Bearer {OTHER}"}

    def status(repo):
        return fetch(f"/org/{repo}/resolve/main/{path}", headers=login).status_code

    there = 200 if path == "a.json" else 404
    assert (status("gated"), status("hidden")) == (403, 404)
    repos.grant(OTHER, "org/gated", repos.repo("model", "org/hidden"))
    assert (status("gated"), status("hidden")) == (there, there)
    repos.revoke_access(OTHER, "org/gated")
    assert (status("gated"), status("hidden")) == (403, there)
    repos.revoke_token(OTHER)
    assert (status("gated"), status("hidden"), status("name")) == (401, 401, 401)


def test_the_ledger_tells_what_was_asked_with_which_token(repos, fetch):
    path = "/org/name/resolve/main/config.json"
    fetch(path)
    fetch(path, headers={"Authorization": f"Bearer {TOKEN}"})
    basic = base64.b64encode(f"user:{OTHER}".encode()).decode()
    fetch("/api/whoami-v2", headers={"Authorization": f"Basic {basic}"})
    assert [it.path for it in repos.asked_with(None)] == [path]
    assert [it.path for it in repos.asked_with(TOKEN)] == [path]
    assert [it.path for it in repos.asked_with(OTHER)] == ["/api/whoami-v2"]
    assert repos.asked_with(TOKEN, path="whoami") == []


def test_rate_limit_and_the_headers_on_every_answer(hub, repo, fetch):
    reply = fetch("/api/models/org/name")
    assert reply.headers["ratelimit"].startswith('"api";r=3000;t=')
    assert reply.headers["ratelimit-policy"] == '"fixed window";"api";q=3000;w=300'
    for name in ("set-cookie", "strict-transport-security", "x-request-id", "via"):
        assert name in reply.headers
    assert reply.headers["x-hf-warning"].startswith("unauthenticated; ")
    hub.rate_limit = 2
    codes = [fetch("/org/name/resolve/main/config.json").status_code for _ in range(4)]
    assert codes == [307, 307, 429, 429]
    last = fetch("/api/models/org/name").headers["ratelimit"]
    assert last.startswith('"api";r=0;t=')
    hub.rate_limit = None
    assert fetch("/api/models/org/name").status_code == 200


@pytest.mark.parametrize("path", ["/org/name/resolve/main/../x", "/org/name/resolve/main/%2e%2e/x",
                                  "/org/name/resolve/main/a%00b"])
def test_paths_that_climb_are_refused(hub, repo, path):
    with socket.create_connection(("127.0.0.1", hub.origins["hub"].port)) as sock:
        host = hub.url.removeprefix("http://")
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 400 ")


def test_nonsense_is_an_answer_and_not_a_crash(hub, repo, fetch):
    for login in ("Basic ???", "Basic " + "a" * 5, "Bearer", "Nonsense x"):
        assert fetch("/api/whoami-v2", headers={"Authorization": login}).status_code == 401
    path = "/api/models/org/name/paths-info/main"
    for body in (b"{", b"[]", b'"x"'):
        reply = fetch(path, "POST", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 400
    assert hub.crashes == []
