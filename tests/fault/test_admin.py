"""Who may command the daemon, and under which names it lets itself be asked.

Every refusal is asked for reading and for each kind of change, and what the daemon holds is looked
at afterwards: a refused command has changed nothing.
"""
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile
import time

import pytest

from fault.support import ask, file_path, wait_until
from support.daemon import binary, clean_env, free_port

OTHER_USER = 65534      # nobody


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/name", {"a.txt": b"a"})


@pytest.fixture
def socket_file():
    """A short path: a socket file has at most 107 bytes, and pytest's folders have long names."""
    folder = tempfile.mkdtemp(prefix="hk-")
    yield os.path.join(folder, "admin.sock")
    shutil.rmtree(folder)


def commands(repo) -> dict:
    """Each kind of change, and what it is sent with."""
    order = {"repo": repo.id, "revision": "main"}
    return {("PUT", "/pins"): order | {"commit": "0" * 40}, ("DELETE", "/pins"): order,
            ("POST", "/refresh"): order}


READS = ("/", "/status", "/metrics", "/pins", "/none")


def state(daemon, hub) -> tuple:
    return daemon.admin("GET", "/pins").json()["pins"], len(hub.requests)


def near(token: str) -> str:
    return token[:-1] + ("0" if token[-1] != "0" else "1")


REFUSED = {     # what is wrong with it: the request, and the status
    "no token": ({"token": None}, 401),
    "another token": ({"token": "x" * 40}, 401),
    "a near token": ({"token": near}, 401),
    "a shorter token": ({"token": lambda it: it[:-1]}, 401),
    "a longer token": ({"token": lambda it: it + "0"}, 401),
    "the token as a password": ({"token": None, "authorization": "Basic eDp5"}, 401),
    "the token in the query": ({"token": None, "query": True}, 401),
    "a stranger's name": ({"host": "evil.example"}, 421),
    "a stranger's name and no token": ({"host": "evil.example", "token": None}, 421),
    "a name that resolves here": ({"host": "127.0.0.1.evil.example:8091"}, 421),
    "an own name as a label": ({"host": "localhost.evil.example"}, 421),
    "a page": ({"origin": "https://evil.example"}, 403),
    "a page of this machine": ({"origin": "http://localhost:8091"}, 403),
    "a sandboxed page": ({"origin": "null"}, 403),
    "a page, by a simple request": ({"sec_fetch_site": "cross-site"}, 403),
    "a page of a sibling": ({"sec_fetch_site": "same-site"}, 403),
}
FORMS = ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", None)


def request_of(daemon, request: dict) -> dict:
    token = request.get("token", True)
    return request | {"token": token(daemon.admin_token) if callable(token) else token}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_request_changes_nothing(hub, hubkeep, repo, what):
    daemon = hubkeep(hub)
    pinned = {"repo": repo.id, "revision": "main", "commit": repo.head}
    assert daemon.admin("PUT", "/pins", pinned).status == 200
    before = state(daemon, hub)
    request, status = REFUSED[what]
    fields = request_of(daemon, request)
    query = f"?token={daemon.admin_token}" if fields.pop("query", False) else ""
    for path in READS:
        for method in ("GET", "HEAD"):
            assert daemon.admin(method, path + query, **fields).status in (status, 429)
        time.sleep(1.1 if status == 401 and fields["token"] else 0)     # no lock-out in between
    for (method, path), order in commands(repo).items():
        assert daemon.admin(method, path + query, order, **fields).status == status, (method, path)
    assert state(daemon, hub) == before
    assert before[0][0]["commit"] == repo.head


def test_a_form_cannot_command_the_daemon(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    before = state(daemon, hub)
    for kind in FORMS:
        for (method, path), order in commands(repo).items():
            answer = daemon.admin(method, path, order, content_type=kind)
            assert answer.status == 415, (kind, method, path)
    assert state(daemon, hub) == before
    kind = "application/json; charset=utf-8"
    assert daemon.admin("PUT", "/pins", commands(repo)["PUT", "/pins"],
                        content_type=kind).status == 200


def test_all_who_lack_the_token_are_told_the_same(hub, hubkeep):
    daemon = hubkeep(hub)
    answers = [daemon.admin("GET", "/status", token=it)
               for it in (None, "x", near(daemon.admin_token), "x" * 40)]
    assert len({it.body for it in answers}) == 1
    assert {it.headers["www-authenticate"] for it in answers} == {'Bearer realm="hubkeep admin"'}
    assert daemon.admin_token.encode() not in answers[0].body


def test_no_page_may_read_an_answer(hub, hubkeep):
    daemon = hubkeep(hub)
    for path in ("/status", "/livez", "/metrics"):
        headers = daemon.admin("GET", path).headers
        assert not [it for it in headers if it.startswith("access-control-")], headers


def test_probes_need_no_token(hub, hubkeep):
    daemon = hubkeep(hub)
    for path in ("/livez", "/readyz", "/-/livez", "/-/readyz"):
        assert daemon.admin("GET", path, token=None).status == 200
        assert daemon.admin("GET", path, token=None, origin="https://evil.example").status == 403


def test_too_many_wrong_tokens_have_to_wait_and_the_right_one_not(hub, hubkeep):
    daemon = hubkeep(hub)

    def locked():
        answer = daemon.admin("GET", "/status", token="wrong")
        assert answer.status in (401, 429)
        return answer if answer.status == 429 else None
    answer = wait_until(locked, "wrong tokens are told to wait")
    assert answer.headers["retry-after"] == "1"
    assert daemon.admin("GET", "/status").status == 200
    assert daemon.admin("GET", "/status", token=None).status == 401
    assert locked()
    wait_until(lambda: not locked(), "the lock ends")


# The token

def test_the_token_is_made_once_and_is_the_owner_s_alone(hub, hubkeep):
    daemon = hubkeep(hub)
    file = daemon.data_dir / "admin-token"
    token = daemon.admin_token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(token) == 40 and token.isalnum()
    wait_until(lambda: str(file) in daemon.output(), "the log does not name the file")
    daemon.restart()
    assert daemon.admin_token == token and daemon.admin("GET", "/status").status == 200
    assert hubkeep(hub).admin_token != token


def test_the_operator_may_choose_the_token(hub, hubkeep, hubkeep_cli, tmp_path):
    file = tmp_path / "chosen"
    file.touch(mode=0o600)
    file.write_text("a-token-of-my-own\n")
    daemon = hubkeep(hub, admin_token_file=str(file))
    assert daemon.admin("GET", "/status", token="a-token-of-my-own").status == 200
    assert not (daemon.data_dir / "admin-token").exists()
    assert hubkeep_cli("pins", *daemon.cli_args).returncode == 0


def test_a_token_file_that_others_can_read_is_refused(hub, hubkeep, tmp_path):
    daemon = hubkeep(hub)
    assert daemon.stop() == 0
    (daemon.data_dir / "admin-token").chmod(0o644)
    command = [binary(), "serve", "--listen", f"127.0.0.1:{free_port()}", "--admin-listen",
               f"127.0.0.1:{free_port()}", "--data-dir", str(daemon.data_dir)]
    run = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=20)
    assert run.returncode == 1 and "chmod 600" in run.stderr, run.stderr
    assert daemon.admin_token not in run.stderr


def test_verbs_say_what_is_wrong_with_the_token(hub, hubkeep, hubkeep_cli, tmp_path):
    daemon, other = hubkeep(hub), hubkeep(hub)
    address = ("--admin-listen", f"127.0.0.1:{daemon.admin_port}")
    assert hubkeep_cli("pins", *daemon.cli_args).returncode == 0
    wrong = hubkeep_cli("pins", *address, "--data-dir", other.data_dir)
    assert wrong.returncode == 1 and "does not take the token in" in wrong.stderr
    absent = hubkeep_cli("pins", *address, "--data-dir", tmp_path / "none")
    assert absent.returncode == 1 and "asks for its token" in absent.stderr
    assert "admin-token-file" in absent.stderr
    tokens = (daemon.admin_token, other.admin_token)
    assert not [it for it in tokens if it in wrong.stderr + absent.stderr]


# The socket file

def test_a_socket_file_is_the_owner_s_alone(hub, hubkeep, hubkeep_cli, repo, socket_file):
    daemon = hubkeep(hub, admin_listen=f"unix:{socket_file}")
    assert stat.S_IMODE(os.stat(socket_file).st_mode) == 0o600
    assert f"unix:{socket_file}" in daemon.output()
    assert not (daemon.data_dir / "admin-token").exists()
    done = hubkeep_cli("pin", repo.id, "main", repo.head, *daemon.cli_args)
    assert (done.returncode, done.stderr) == (0, "")
    assert repo.head in hubkeep_cli("pins", *daemon.cli_args).stdout
    assert daemon.admin("GET", "/status", host="any.example").status == 200
    assert daemon.admin("GET", "/status", origin="https://evil.example").status == 403
    entry = wait_until(lambda: daemon.access_log(path="/status"), "the access log has it")
    assert entry[0]["client"] == "unix"
    assert daemon.stop() == 0
    assert not os.path.exists(socket_file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_cannot_open_the_socket_file(hub, hubkeep, socket_file):
    hubkeep(hub, admin_listen=f"unix:{socket_file}")
    os.chmod(os.path.dirname(socket_file), 0o755)
    program = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    run = subprocess.run(["python3", "-c", program, socket_file], user=OTHER_USER,
                         group=OTHER_USER, extra_groups=(), text=True, capture_output=True)
    assert run.returncode != 0 and "PermissionError" in run.stderr, run


def test_the_socket_file_of_a_dead_daemon_is_replaced(hub, hubkeep, socket_file):
    daemon = hubkeep(hub, admin_listen=f"unix:{socket_file}")
    daemon.kill()
    assert os.path.exists(socket_file)
    daemon.start()
    assert daemon.admin("GET", "/livez").status == 200


def test_the_socket_file_of_a_living_daemon_is_left_alone(hub, hubkeep, tmp_path, socket_file):
    daemon = hubkeep(hub, admin_listen=f"unix:{socket_file}")

    def second(place) -> str:
        command = [binary(), "serve", "--listen", f"127.0.0.1:{free_port()}", "--admin-listen",
                   place, "--data-dir", str(tmp_path / "second")]
        run = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=20)
        assert run.returncode == 1, run
        return run.stderr
    assert "another program answers there" in second(f"unix:{socket_file}")
    assert daemon.admin("GET", "/livez").status == 200
    plain = pathlib.Path(socket_file + ".txt")
    plain.write_text("precious")
    assert "something else than a socket" in second(f"unix:{plain}")
    assert plain.read_text() == "precious"
    assert "folder must be there" in second(f"unix:{tmp_path}/none/a"[:100])


# Names

OWN_NAMES = ("127.0.0.1", "127.0.0.1:1", "[::1]:8090", "10.0.0.7", "localhost", "LOCALHOST:8090",
             "a.localhost", "localhost.", "datasets-server.localhost:8090",
             "datasets-server.127.0.0.1", socket.gethostname(), socket.gethostname().upper() + ":9")
STRANGE_NAMES = ("evil.example", "evil.example:8090", "localhost.evil.example",
                 "127.0.0.1.evil.example", "datasets-server.evil.example", "hub.example")


def test_the_daemon_is_not_asked_under_a_stranger_s_name(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    path = file_path(repo, "a.txt")
    for name in OWN_NAMES:
        assert ask(daemon, path, host=name).status != 421, name
        assert daemon.admin("GET", "/status", host=name).status == 200, name
    before = len(hub.requests)
    for name in STRANGE_NAMES:
        for target in (path, f"/api/models/{repo.id}", "/", "/-/none"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                answer = ask(daemon, target, method, host=name)
                assert answer.status == 421 and "public_url" in answer.header("x-error-message")
        assert daemon.admin("GET", "/status", host=name).status == 421, name
        for probe in ("/-/livez", "/-/readyz"):
            if name.startswith("datasets-server."):
                assert ask(daemon, probe, host=name).status == 421, "it is the viewer's path there"
                continue
            assert ask(daemon, probe, host=name).status == 200
            assert daemon.admin("GET", probe, host=name).status == 200
    assert len(hub.requests) == before


def test_public_url_is_an_own_name(hub, hubkeep, repo):
    daemon = hubkeep(hub, public_url="https://hub.example:8443")
    path = file_path(repo, "a.txt")
    for name in ("hub.example", "hub.example:8443", "Hub.Example", "datasets-server.hub.example"):
        assert ask(daemon, path, host=name).status != 421, name
    assert ask(daemon, path, host="evil.example").status == 421


def test_what_other_machines_reach_has_names_that_only_the_operator_knows(hub, hubkeep, repo):
    path = file_path(repo, "a.txt")
    daemon = hubkeep(hub, listen=f"0.0.0.0:{free_port()}")
    assert ask(daemon, path, host="hub.example").body == b"a"
    behind = hubkeep(hub, clients_proxies="127.0.0.0/8")
    assert ask(behind, path, host="hub.example").status == 200
