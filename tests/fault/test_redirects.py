"""Redirects of the Hub: wherever a Location leads, no credential goes along.

Each place of the table is answered to each kind of request, with the service token and with a
client's own. Who was asked is read from the stand-in's ledger: `hub` under its own name is home,
the same socket under another name is as strange as the other origins.
"""
import concurrent.futures
import dataclasses

import pytest

from fault.support import ask, file_path, wait_until
from support.daemon import new_token

FILE = b'{"public": true}'
# What another host needs to know, and nothing that says who asks, or for whom.
TOLD_TO_STRANGERS = {"host", "accept", "accept-encoding", "user-agent", "range"}


@dataclasses.dataclass(frozen=True)
class Place:
    name: str
    location: str
    serves: bool = False    # what it names is the file, by an address that may be followed


# {port} is the Hub's and {path} the same resource of another repo; at {other} is a stranger.
PLACES = (
    Place("another origin", "http://127.0.0.1:{other}/x"),
    Place("another host name", "http://localhost:{other}/x"),
    Place("the Hub's socket by another name", "http://localhost:{port}{path}", True),
    Place("https instead of http", "https://127.0.0.1:{port}{path}"),
    Place("https elsewhere", "https://127.0.0.1:{other}/x"),
    Place("user information", "http://user:secret@127.0.0.1:{other}/x"),
    Place("the Hub as user information", "http://127.0.0.1:{port}@127.0.0.1:{other}/x"),
    Place("the Hub behind a backslash", "http://127.0.0.1:{port}\\@127.0.0.1:{other}/x"),
    Place("the Hub in the fragment", "http://127.0.0.1:{other}#@127.0.0.1:{port}/x"),
    Place("the Hub in the query", "http://127.0.0.1:{other}?@127.0.0.1:{port}/x"),
    Place("trailing dot", "http://127.0.0.1.:{port}{path}"),
    Place("trailing dot of a name", "http://localhost.:{other}/x"),
    Place("short address", "http://127.1:{other}/x"),
    Place("decimal address", "http://2130706433:{other}/x"),
    Place("hexadecimal address", "http://0x7f.0.0.1:{other}/x"),
    Place("octal address", "http://0177.0.0.1:{other}/x"),
    Place("IPv6", "http://[::1]:{other}/x"),
    Place("IPv4 in IPv6", "http://[::ffff:127.0.0.1]:{other}/x"),
    Place("IPv4 in IPv6, of the Hub", "http://[::ffff:127.0.0.1]:{port}{path}"),
    Place("IPv6 with a zone", "http://[::1%25lo]:{other}/x"),
    Place("any address", "http://0.0.0.0:{other}/x"),
    Place("international name", "http://127\u3002\u0030\u3002\u0030\u3002\u0031:{other}/x"),
    Place("name in punycode", "http://xn--lcalhost-m4a.localhost:{other}/x"),
    Place("upper case host", "HTTP://LOCALHOST:{other}/x"),
    Place("no scheme", "//127.0.0.1:{other}/x"),
    Place("no scheme, three slashes", "///127.0.0.1:{other}/x"),
    Place("slash and backslash", "/\\127.0.0.1:{other}/x"),
    Place("one slash", "http:/127.0.0.1:{other}/x"),
    Place("no slash", "http:127.0.0.1:{other}/x"),
    Place("tab in front", "\thttp://127.0.0.1:{other}/x"),
    Place("tab within", "http://127.0.0.1:{port}\t@127.0.0.1:{other}/x"),
    Place("space within", "http://127.0.0.1:{port} @127.0.0.1:{other}/x"),
    Place("another scheme", "ftp://127.0.0.1:{other}/x"),
    Place("a file", "file:///etc/passwd"),
    Place("port 0", "http://127.0.0.1:0/x"),
    Place("port too large", "http://127.0.0.1:65536{path}"),
    Place("nothing", ""),
    Place("8 KiB", "http://127.0.0.1:{other}/" + "x" * 8192),
    Place("a stranger that leads back", "http://127.0.0.1:{other}/back{path}", True),
    Place("a stranger that leads on", "http://127.0.0.1:{other}/on"),
    Place("itself, for ever", "{itself}"),
    Place("the Hub itself", "http://127.0.0.1:{port}{path}", True),
    Place("the Hub in upper case", "HTTP://127.0.0.1:{port}{path}", True),
    Place("a path", "{path}", True),
    Place("a query", "?x=1"),
    Place("a relative path", "x"),
)


@dataclasses.dataclass(frozen=True)
class Ask:
    """A request of a client, and which of the daemon's own requests for it is led astray."""
    name: str
    method: str
    target: str
    upstream: str | None = None     # its method; None is all


ASKS = (
    Ask("file-head", "HEAD", "/{repo}/resolve/main/{file}", "HEAD"),
    Ask("file-bytes", "GET", "/{repo}/resolve/main/{file}", "GET"),
    Ask("info", "GET", "/api/models/{repo}"),
    Ask("tree", "GET", "/api/models/{repo}/tree/main"),
    Ask("refs", "GET", "/api/models/{repo}/refs"),
    Ask("commits", "GET", "/api/models/{repo}/commits/main"),
    Ask("auth-check", "GET", "/api/models/{repo}/auth-check"),
    Ask("resolve-cache", "GET", "/api/resolve-cache/models/{repo}/" + "0" * 40 + "/{file}"),
    Ask("raw", "GET", "/{repo}/raw/main/{file}"),
    Ask("discussions", "GET", "/api/models/{repo}/discussions"),
)


@dataclasses.dataclass(frozen=True)
class Cell:
    asked: Ask
    place: Place

    @property
    def repo_id(self) -> str:
        return f"org/{self.asked.name}-{PLACES.index(self.place)}"

    @property
    def file(self) -> str:
        return f"{PLACES.index(self.place)}.json"

    @property
    def content(self) -> bytes:
        # Files of the same bytes would share one transfer, and so one redirect.
        return f'{{"cell": "{self.repo_id}"}}'.encode()

    def path(self, repo_id: str | None = None) -> str:
        return self.asked.target.format(repo=repo_id or self.repo_id, file=self.file)


CELLS = [Cell(asked, place) for asked in ASKS for place in PLACES]


def lead_astray(hub) -> None:
    """A repo for each cell of the table; what it asks for is in another, too."""
    port, other = hub.origins["hub"].port, hub.origins["other"].port
    for asked in ASKS:
        cells = [it for it in CELLS if it.asked == asked]
        target = f"org/{asked.name}"
        hub.add_repo("model", target, {it.file: it.content for it in cells})
        for cell in cells:
            hub.add_repo("model", cell.repo_id, {cell.file: cell.content})
            location = cell.place.location.format(port=port, other=other, path=cell.path(target),
                                                  itself=cell.path())
            hub.fault(f"/{cell.repo_id}(/|$)", "redirect", origin="hub", method=asked.upstream,
                      # As UTF-8 on the wire, which is written in Latin-1.
                      location=location.encode().decode("latin-1"), times=None)
            hub.fault(f"^/back{cell.path(target)}$", "redirect", origin="other", times=None,
                      location=hub.url + cell.path(target))
    hub.fault("^/on$", "redirect", origin="other", times=None, location=hub.cdn_url + "/x")


def is_home(record, hub) -> bool:
    return record.origin == "hub" and f"http://{record.header('host')}" == hub.url


@pytest.mark.parametrize("whose", ("service", "client"))
def test_no_redirect_takes_a_credential_along(hub, hubkeep, whose):
    lead_astray(hub)
    token = new_token()
    hub.add_token(token)
    daemon = hubkeep(hub, token=token if whose == "service" else None,
                     upstream_connect_timeout="500ms", upstream_stall_timeout="1s")
    fields = {"cookie": "session=abc", "x_forwarded_for": "10.1.2.3", "referer": "http://inside/",
              "x_api_key": "abc"}
    if whose == "client":
        fields["authorization"] = f"Bearer {token}"

    def run(cell):
        return ask(daemon, cell.path(), cell.asked.method, timeout=60, **fields)

    # Bytes that do not come are waited for; all of those cells wait at once.
    with concurrent.futures.ThreadPoolExecutor(len(PLACES)) as pool:
        answers = dict(zip(CELLS, pool.map(run, CELLS)))
    wrong = []
    for cell, answer in answers.items():
        served = answer.status == 200 and answer.body == cell.content
        wanted = cell.place.serves and cell.asked.name == "file-bytes"
        if answer.status is None or b"root:" in answer.body or (wanted and not served):
            wrong.append(f"{cell.asked.name}, {cell.place.name}: {answer}")
    assert wrong == []
    abroad = [it for it in hub.requests if not is_home(it, hub)]
    assert {it.origin for it in abroad} >= {"hub", "other", "cdn"}, "nobody strange was ever asked"
    told = {name for it in abroad for name in it.headers} - TOLD_TO_STRANGERS
    assert told == set()
    assert [it.path for it in abroad if it.carries_secret] == []
    assert any(it.header("authorization") == f"Bearer {token}" for it in hub.requests)
    assert daemon.running


# Of the Hub, for its token: who it is, that a repo is open to it, and what is in the repo.
TREASURES = ("/api/whoami-v2", "/api/models/org/private/auth-check",
             "/org/private/resolve/main/a.json")


@pytest.mark.parametrize("treasure", TREASURES)
def test_a_stranger_does_not_choose_what_is_asked_with_the_token(hub, hubkeep, treasure):
    """It may lead back to the Hub; there the daemon is then nobody."""
    hub.add_repo("model", "org/private", {"a.json": FILE}, private=True)
    repo = hub.add_repo("model", "org/asked", {"a.json": FILE})
    daemon = hubkeep(hub, token=True)
    path = f"/api/models/{repo.id}/auth-check"
    hub.fault(f"^{path}$", "redirect", origin="hub", location=hub.other_url + "/x", times=None)
    hub.fault("^/x$", "redirect", origin="other", location=hub.url + treasure, times=None)
    answer = ask(daemon, path)
    assert answer.failed, answer
    asked = [it for it in hub.requests if it.path == treasure]
    assert asked and not any(it.carries_secret for it in asked)


def test_https_is_not_left_for_http(hub, hub_tls, hubkeep):
    """Bytes and token of an https Hub are for nobody who listens on the way."""
    repo = hub_tls.add_repo("model", "org/tls", {"a.json": FILE}, private=True)
    daemon = hubkeep(hub_tls, token=True)
    hub_tls.fault("/resolve/|/discussions|/api/models/org/tls$", "redirect", origin="hub",
                  times=None, location=hub.url + "/x")
    for path in (file_path(repo, "a.json"), f"/api/models/{repo.id}/discussions",
                 f"/api/models/{repo.id}"):
        answer = ask(daemon, path)
        assert answer.failed, answer
    assert hub.connections() == 0


# Where nobody else may lead the daemon; {own} is its data port and {admin} its admin port.
INSIDE = (
    "http://127.0.0.1:{admin}/metrics", "http://127.0.0.1:{admin}/status",
    "http://localhost:{admin}/status", "http://[::ffff:127.0.0.1]:{admin}/status",
    "http://127.0.0.1:{own}/-/readyz", "http://localhost:{own}/org/private/resolve/main/a.json",
    "http://127.0.0.1:{own}/api/models/org/private/discussions", "http://0.0.0.0:{admin}/status",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://[fe80::a9fe:a9fe]/", "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://224.0.0.1/", "http://255.255.255.255/",
)


@pytest.mark.parametrize("asked", ("forwarded", "bytes"))
def test_no_redirect_leads_inside(hub, hubkeep, asked):
    """To the daemon itself it would be a client that needs no key, to a cloud's metadata service
    the machine that may have its credentials."""
    hub.add_repo("model", "org/private", {"a.json": FILE}, private=True)
    daemon = hubkeep(hub, token=True)
    for number, location in enumerate(INSIDE):
        content = b'{"number": %d}' % number
        repo = hub.add_repo("model", f"org/inside-{number}", {"a.json": content})
        path, method = file_path(repo, "a.json"), "GET"
        if asked == "forwarded":
            path, method = f"/api/models/{repo.id}/auth-check", None
        place = location.format(own=daemon.port, admin=daemon.admin_port)
        fault = hub.fault(f"/{repo.id}/", "redirect", origin="hub", method=method, location=place)
        answer = ask(daemon, path)
        assert fault.used == 1
        if asked == "bytes":    # asked for again, since the first try brought none
            assert answer.body == content, f"{place}: {answer}"
        else:
            assert answer.failed and "not followed" in answer.header("x-error-message"), answer
    assert ask(daemon, "/-/livez").status == 200
    log = wait_until(lambda: daemon.access_log(path="/-/livez") and daemon.access_log(),
                     "requests are logged")
    assert [it for it in log if it["ua"].startswith("hubkeep")] == [], "the daemon asked itself"


def test_a_redirect_within_the_hub_keeps_the_token(hub, hubkeep):
    repo = hub.add_repo("model", "org/kept", {"a.json": FILE}, private=True)
    daemon = hubkeep(hub, token=True)
    old = file_path(repo, "a.json")
    hub.rename(repo, "org/kept-too")
    assert ask(daemon, old).body == FILE


def test_redirects_in_a_circle_end(hub, hubkeep):
    repo = hub.add_repo("model", "org/circle", {"a.json": FILE})
    daemon = hubkeep(hub)
    hub.fault("/resolve/", "redirect", origin="hub", times=None, location=file_path(repo, "a.json"))
    answer = ask(daemon, file_path(repo, "a.json"))
    assert answer.status >= 500 and hub.count("hub") <= 30, answer
