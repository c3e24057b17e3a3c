"""Who asks: keys of hubkeep, certificates, names from a reverse proxy, networks; and their limits."""
import base64
import http.client
import json
import ssl

import pytest

from fault.support import MIB, Download, ask, expect_file, file_path, wait_until
from hub import Generated
from hub.certs import Authority
from support.daemon import new_token

FILES = {"config.json": b"{}", "model.bin": Generated(8 * MIB, "for clients")}
NOBODY = "10.99.0.0/16"     # nobody in these tests comes from there


class Clients:
    """The list of keys of one daemon, which need not run yet."""

    def __init__(self, cli, folder):
        self._cli, self.data_dir = cli, folder / "data"
        self.data_dir.mkdir(mode=0o700)
        self.keys = []
        self.daemon = None

    def _flags(self):
        if self.daemon:
            return self.daemon.cli_args
        return ["--data-dir", self.data_dir, "--admin-listen", "127.0.0.1:1"]

    def run(self, *args):
        return self._cli("client", *args, *self._flags())

    def add(self, name, *options) -> str:
        done = self.run("add", name, *options)
        assert done.returncode == 0, done.stderr
        key = done.stdout.strip()
        self.keys.append(key)
        return key

    def remove(self, name) -> None:
        done = self.run("rm", name)
        assert done.returncode == 0, done.stderr

    def edit(self, change) -> None:
        file = self.data_dir / "clients.json"
        document = json.loads(file.read_text())
        for key in document["keys"]:
            change(key)
        file.write_text(json.dumps(document))


@pytest.fixture
def clients(hubkeep_cli, tmp_path):
    clients = Clients(hubkeep_cli, tmp_path)
    yield clients
    # A key is shown once, by `client add`, and is nowhere else.
    content = {"blobs", "partials"}
    written = [it for it in clients.data_dir.rglob("*")
               if it.is_file() and not content & set(it.parts)]
    texts = [it.read_bytes().decode("latin-1") for it in written]
    texts.append(clients.daemon.output() if clients.daemon else "")
    assert not [key for key in clients.keys if any(key in text for text in texts)]


@pytest.fixture
def start(hub, hubkeep, clients):
    def start_one(**settings):
        settings.setdefault("data_dir", clients.data_dir)
        clients.daemon = hubkeep(hub, **settings)
        return clients.daemon
    return start_one


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/shown", FILES)


def bearer(key) -> dict:
    return {"authorization": f"Bearer {key}"}


def basic(login) -> dict:
    return {"authorization": "Basic " + base64.b64encode(login.encode()).decode()}


def refused(answer, words) -> None:
    assert answer.status == 401, answer
    assert words in answer.header("x-error-message"), answer
    assert answer.header("www-authenticate") == 'Bearer realm="hubkeep"'
    assert answer.header("x-error-code") is None, answer


# Keys

def test_a_key_opens_what_the_network_does_not(start, clients, repo):
    key = clients.add("ci", "--team", "ml")
    daemon = start(clients_anonymous="")
    path = file_path(repo, "config.json")
    for method in ("GET", "HEAD"):
        refused(ask(daemon, path, method), "asks for a key")
        refused(ask(daemon, path, method, **bearer(new_token())), "asks for a key")
        for login in (bearer(key), basic(f"git:{key}"), basic(f"{key}:")):
            assert ask(daemon, path, method, **login).status == 200
    answer = ask(daemon, "/api/models/org/shown")
    refused(answer, "hubkeep client add")
    assert answer.json()["error"] == answer.header("x-error-message")
    wait_until(lambda: daemon.access_log(user="ci", team="ml", status=200), "the log of the key")
    assert all(it["user"] == "" for it in daemon.access_log(status=401))


@pytest.mark.parametrize("path", ("/-/livez", "/-/readyz", "/robots.txt"))
def test_probes_and_robots_need_no_key(start, path):
    daemon = start(clients_anonymous=NOBODY)
    assert ask(daemon, path).status == 200
    assert ask(daemon, "/api/models/org/shown", "OPTIONS", origin="http://a").status == 204


def test_a_network_needs_none(start, repo):
    daemon = start(clients_anonymous=f"{NOBODY}, 127.0.0.0/30")
    path = file_path(repo, "config.json")
    assert ask(daemon, path).status == 200
    assert ask(daemon, path, source="127.0.0.2").status == 200
    refused(ask(daemon, path, source="127.0.0.9"), "asks for a key")


def test_what_is_wrong_with_a_key_is_said_even_where_none_is_needed(start, clients, repo):
    old, other = clients.add("old"), clients.add("other")
    clients.edit(lambda key: key.update(expires=1_700_000_000) if key["name"] == "old" else None)
    daemon = start()
    path = file_path(repo, "config.json")
    refused(ask(daemon, path, **bearer(old)), "old, expired on 2023-11-14")
    refused(ask(daemon, path, **bearer(other[:-1] + "_")), "mistyped or cut short")
    refused(ask(daemon, path, **bearer(other[:20])), "mistyped or cut short")
    assert ask(daemon, path, **bearer(other)).status == 200
    assert ask(daemon, path).status == 200


def test_a_running_daemon_learns_of_new_and_revoked_keys(start, clients, repo):
    first = clients.add("first")
    daemon = start(clients_anonymous=NOBODY)
    path = file_path(repo, "config.json")
    second = clients.add("second")
    for key in (first, second):
        assert ask(daemon, path, **bearer(key)).status == 200
    clients.remove("first")
    refused(ask(daemon, path, **bearer(first)), "not known here")
    assert ask(daemon, path, **bearer(second)).status == 200
    daemon.restart()
    refused(ask(daemon, path, **bearer(first)), "not known here")


def test_a_broken_list_stops_the_start_and_not_the_daemon(start, clients, repo, hubkeep_cli):
    key = clients.add("ci")
    daemon = start(clients_anonymous=NOBODY)
    file = clients.data_dir / "clients.json"
    good = file.read_text()
    file.write_text(good[:-5])
    done = hubkeep_cli("config", "check", "--data-dir", clients.data_dir)
    assert done.returncode == 78 and "clients.json cannot be used" in done.stderr
    assert clients.run("add", "more").returncode == 1
    daemon.admin("POST", "/reload")
    assert ask(daemon, file_path(repo, "config.json"), **bearer(key)).status == 200
    wait_until(lambda: "clients.json cannot be used" in daemon.output(), "the mistake in the log")


ROUTES = [
    "/org/shown/resolve/main/config.json", "/org/shown/raw/main/config.json",
    "/org/shown/resolve/main/absent", "/org/absent/resolve/main/config.json",
    "/org/closed/resolve/main/config.json", "/org/gated/resolve/main/config.json",
    "/api/models/org/shown", "/api/models/org/shown/tree/main", "/api/models/org/shown/refs",
    "/api/models/org/shown/commits/main", "/api/models/org/shown/auth-check",
    "/api/models/org/shown/auth-check/write", "/api/models/org/shown/discussions",
    "/api/models/org/shown/xet-read-token/main", "/api/models/org/closed",
    "/api/resolve-cache/models/org/shown/main/config.json", "/api/models?search=shown",
    "/api/whoami-v2", "/api/settings/token", "/api/notifications", "/api/agent-harnesses",
    "/api/telemetry/x", "/api/datasets/org/table/parquet", "/api/collections",
    "/-/datasets-server/is-valid?dataset=org/table", "/v2/org/shown/manifests/latest",
    "/org/shown.git/info/refs?service=git-upload-pack", "/api/buckets/org/x", "/org/shown", "/",
    "/org/shown/blob/main/config.json", "/api/anything/else",
]


@pytest.mark.parametrize("service", (True, None), ids=("service token", "no service token"))
@pytest.mark.parametrize("sharing", ("shared", "verify"))
def test_a_key_goes_nowhere(hub, start, clients, repo, service, sharing):
    hub.add_repo("model", "org/closed", FILES, private=True)
    hub.add_repo("model", "org/gated", FILES, gated="auto")
    hub.add_repo("dataset", "org/table", {"a.csv": b"1"})
    good, revoked = clients.add("ci"), clients.add("gone")
    clients.remove("gone")
    daemon = start(token=service, access_sharing=sharing)
    logins = [bearer(good), basic(f"x:{good}"), basic(f"{good}:"), bearer(revoked),
              basic(f"x:{revoked}"), bearer(good[:25]), bearer(good + "x")]
    for path in ROUTES:
        for login in logins:
            assert ask(daemon, path, **login).status is not None
    ask(daemon, "/api/models/org/shown/paths-info/main", "POST", body=b'{"paths":["config.json"]}',
        content_type="application/json", **bearer(good))
    assert hub.requests
    for record in hub.requests:
        sent = str([record.path, record.query, record.headers])
        for text in (good[:25], revoked[:25], base64.b64encode(f"x:{good}".encode()).decode()):
            assert text not in sent, f"{record.method} {record.path}: {sent}"


def test_a_key_may_be_for_some_repos(hub, start, clients, repo):
    other = hub.add_repo("model", "org/other", FILES)
    key = clients.add("ci", "--repos", "org/shown")
    daemon = start()
    assert ask(daemon, file_path(repo, "config.json"), **bearer(key)).status == 200
    answer = ask(daemon, file_path(other, "config.json"), **bearer(key))
    assert answer.status in (403, 404) and "org/other" in answer.header("x-error-message"), answer
    assert ask(daemon, file_path(other, "config.json")).status == 200


# Limits

def test_too_many_requests_in_a_minute_are_refused(start, clients, repo):
    key = clients.add("ci", "--per-minute", "5")
    daemon = start()
    path = file_path(repo, "config.json")
    answers = [ask(daemon, path, **bearer(key)) for _ in range(6)]
    assert [it.status for it in answers] == [200] * 5 + [429]
    over = answers[-1]
    assert 1 <= int(over.header("retry-after")) <= 12
    assert over.header("ratelimit").startswith('"proxy";r=0;t=')
    assert over.header("ratelimit-policy") == '"fixed window";"proxy";q=5;w=60'
    assert "5 requests in a minute" in over.header("x-error-message")
    assert ask(daemon, path).status == 200


def test_too_many_requests_at_once_are_refused_until_one_ends(hub, start, clients, repo):
    key = clients.add("ci", "--max-concurrent", "2")
    other = clients.add("other", "--max-concurrent", "1")
    daemon = start()
    path, small = file_path(repo, "model.bin"), file_path(repo, "config.json")
    expect_file(ask(daemon, path), FILES["model.bin"])

    def slow():
        download = Download(daemon, path, receive_buffer=4096, **bearer(key))
        assert download.head().status == 200
        return download

    with slow() as first, slow():
        over = ask(daemon, small, **bearer(key))
        assert over.status == 429 and "2 requests under way" in over.header("x-error-message")
        assert over.header("retry-after") == "1"
        assert ask(daemon, small, **bearer(other)).status == 200
        first.leave()
        wait_until(lambda: ask(daemon, small, **bearer(key)).status == 200,
                   "the place of the client that left")
    wait_until(lambda: len([1 for _ in range(2) if
                            ask(daemon, small, **bearer(key)).status == 200]) == 2, "both places")


# Reverse proxies

def test_the_header_counts_from_a_trusted_proxy_alone(hub, start, repo):
    daemon = start(clients_anonymous=NOBODY, clients_proxies="127.0.0.2",
                   clients_header="X-Employee",
                   clients_teams='[{name: ml, members: ["*@ml.example"]}]')
    path = file_path(repo, "config.json")
    name = {"x_employee": "alice@ml.example"}
    assert ask(daemon, path, source="127.0.0.2", **name).status == 200
    refused(ask(daemon, path, source="127.0.0.2"), "asks for a key")
    refused(ask(daemon, path, **name), "asks for a key")
    refused(ask(daemon, path, source="127.0.0.2", x_employee="a" * 300), "asks for a key")
    wait_until(lambda: daemon.access_log(user="alice@ml.example", team="ml"), "the log of alice")
    assert ask(daemon, "/api/models?search=x", source="127.0.0.2", **name).status == 200
    assert ask(daemon, "/api/whoami-v2", source="127.0.0.2", **name).json()["name"] == \
        "alice@ml.example"
    assert not [it for it in hub.requests if it.header("x-employee")]


@pytest.mark.parametrize("source, hops, status", [
    ("127.0.0.2", "192.0.2.1", 200),
    ("127.0.0.2", "192.0.2.1, 127.0.0.2", 200),
    ("127.0.0.2", "192.0.2.1, 198.51.100.1", 401),   # the first is what the client made up
    ("127.0.0.2", "198.51.100.1", 401),
    ("127.0.0.2", None, 401),
    ("127.0.0.1", "192.0.2.1", 401),                  # no proxy of ours
])
def test_the_address_behind_a_proxy(start, repo, source, hops, status):
    daemon = start(clients_anonymous="192.0.2.0/24", clients_proxies="127.0.0.2")
    fields = {"x_forwarded_for": hops} if hops else {}
    assert ask(daemon, file_path(repo, "config.json"), source=source, **fields).status == status


# Certificates

def fetch_with(daemon, path, authority, identity=None):
    context = ssl.create_default_context(cafile=authority.ca_file)
    if identity:
        context.load_cert_chain(*identity)
    link = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=30, context=context)
    try:
        link.request("GET", path)
        reply = link.getresponse()
        return reply.status, reply.read()
    except (ssl.SSLError, ConnectionError):
        return "turned away", b""
    finally:
        link.close()


def test_a_certificate_names_its_client(start, repo, tmp_path):
    folders = [tmp_path / name for name in ("server-ca", "client-ca", "stranger-ca")]
    for folder in folders:
        folder.mkdir()
    servers, clients_ca, strangers = (Authority(it) for it in folders)
    certificate, key = servers.issue("127.0.0.1", label="daemon")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(open(clients_ca.ca_file, "rb").read())
    daemon = start(tls_cert=certificate, tls_key=key, tls_client_ca=trusted,
                   clients_anonymous=NOBODY,
                   clients_teams="[{name: robots, members: [build-*]}]")
    build = clients_ca.issue("build-7", label="build", client=True)
    stranger = strangers.issue("build-7", label="build", client=True)
    path = file_path(repo, "config.json")
    assert fetch_with(daemon, path, servers)[0] == 401
    assert fetch_with(daemon, path, servers, build)[0] == 200
    assert fetch_with(daemon, path, servers, stranger)[0] == "turned away"
    status, body = fetch_with(daemon, "/api/whoami-v2", servers, build)
    assert status == 200 and json.loads(body)["name"] == "build-7"
    assert [it["name"] for it in json.loads(body)["orgs"]] == ["robots"]
    trusted.write_bytes(open(strangers.ca_file, "rb").read())
    daemon.admin("POST", "/reload")
    wait_until(lambda: fetch_with(daemon, path, servers, stranger)[0] == 200, "the new authority")
    assert fetch_with(daemon, path, servers, build)[0] == "turned away"


# What they are told, and what the operator is told

def test_whoami(hub, start, clients):
    key = clients.add("ci", "--team", "ml")
    own = new_token()
    hub.add_token(own)
    daemon = start(token=True)
    told = ask(daemon, "/api/whoami-v2", **bearer(key)).json()
    assert (told["name"], told["type"]) == ("ci", "user")
    assert told["auth"]["accessToken"]["role"] == "read"
    assert [it["name"] for it in told["orgs"]] == ["ml"]
    assert hub.asked_with(own) == []
    of_the_hub = ask(daemon, "/api/whoami-v2", **bearer(own))
    assert of_the_hub.status == 200 and of_the_hub.json()["name"] != "ci"
    assert [it.path for it in hub.asked_with(own)] == ["/api/whoami-v2"]
    nobody = ask(daemon, "/api/whoami-v2")
    assert nobody.status == 401
    assert nobody.header("x-error-message") == "Invalid username or password."


def test_the_operator_sees_who_has_a_key_and_when_it_was_used(start, clients, repo):
    key = clients.add("ci", "--team", "ml", "--expires", "90d", "--repos", "org/*,other/x",
                      "--per-minute", "100")
    clients.add("idle")
    daemon = start()
    assert ask(daemon, file_path(repo, "config.json"), **bearer(key)).status == 200
    ci, idle = daemon.admin("GET", "/clients").json()["clients"]
    assert (ci["name"], ci["team"], ci["repos"]) == ("ci", "ml", ["org/*", "other/x"])
    assert ci["limits"] == {"concurrent": 0, "per_minute": 100}
    assert ci["last_used"] and ci["expires"] > ci["created"] and not ci["expired"]
    assert (idle["name"], idle["expires"], idle["last_used"]) == ("idle", None, None)
    listed = clients.run("ls", "--json")
    assert json.loads(listed.stdout)["clients"] == [ci, idle]
    table = clients.run("ls").stdout
    assert all(text in table for text in ("ci", "ml", ci["fingerprint"], ci["last_used"], "never"))


@pytest.mark.parametrize("args, words", [
    (("add",), "Usage:"),
    (("add", "a/b"), "letters, digits"),
    (("add", "ok", "--team", "a b"), "--team takes"),
    (("add", "ok", "--expires", "soon"), "--expires"),
    (("add", "ok", "--expires", "2001-01-01"), "not in the future"),
    (("add", "ok", "--per-minute", "0"), "--per-minute"),
    (("add", "ok", "--max-concurrent", "x"), "--max-concurrent"),
    (("rm",), "Usage:"),
])
def test_wrong_use_is_explained(clients, args, words):
    done = clients.run(*args)
    assert done.returncode == 2 and words in done.stderr and done.stdout == "", done


def test_names_are_taken_once(clients):
    clients.add("ci")
    again = clients.run("add", "ci")
    assert again.returncode == 1 and "hubkeep client rm ci" in again.stderr
    gone = clients.run("rm", "cl")
    assert gone.returncode == 1 and 'did you mean "ci"' in gone.stderr
    assert oct((clients.data_dir / "clients.json").stat().st_mode & 0o777) == "0o600"
