"""Several service tokens: which one is shown for what, how they come and go, and who is told what
about them. That none of them leaks is in test_token.py."""
import json
import os
import pathlib
import pty
import signal
import subprocess
import termios
import threading

import pytest

from fault.support import ask, file_path, wait_until
from hub import Generated
from support.daemon import binary, clean_env, new_token

BAD_TOKEN = "Invalid credentials in Authorization header"


@pytest.fixture
def token_file(tmp_path):
    """Writes a token into a file that only its owner may read; called again, another one."""
    def write(name: str, token: str) -> pathlib.Path:
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_text(token)
        return path
    return write


@pytest.fixture
def known_token(hub):
    def make(*repos, **about) -> str:
        token = new_token()
        hub.add_token(token, [*repos] if repos else "all", **about)
        return token
    return make


def token_map(name: str, repos: str, **place) -> str:
    (kind, value), = place.items()
    return f"{{name: {name}, repos: [{repos}], {kind}: {json.dumps(str(value))}}}"


def tokens_of(daemon) -> dict[str, dict]:
    answer = daemon.admin("GET", "/tokens")
    assert answer.status == 200, answer
    return {it["name"]: it for it in answer.json()["tokens"]}


def fetch(daemon, repo, path="c.json"):
    return ask(daemon, file_path(repo, path))


def metrics(daemon) -> str:
    return daemon.admin("GET", "/metrics").body.decode()


def readiness(daemon) -> str:
    return daemon.admin("GET", "/readyz").body.decode()


def logged(daemon, text: str) -> list[dict]:
    return [it for it in daemon.log_lines() if text in it.get("msg", "")]


# Which token is shown

def test_patterns_choose_the_token(hub, hubkeep, token_file, known_token):
    repos = [hub.add_repo(kind, id, {"c.json": b"{}"}, private=True) for kind, id in
             (("model", "meta-llama/a"), ("dataset", "ours/b"), ("model", "ours/b"),
              ("model", "somebody/c"))]
    tokens = [known_token(it) for it in repos[:2]] + [known_token()]
    daemon = hubkeep(
        hub, token=tokens[2],
        upstream_tokens="[" + ", ".join((
            token_map("llama", "META-llama/*", file=token_file("llama", tokens[0])),
            token_map("data", "datasets/ours/*", command="cat " + str(token_file("d", tokens[1]))),
        )) + "]")
    for repo in repos:
        assert fetch(daemon, repo).body == b"{}"
    for repo, token in zip(repos, (tokens[0], tokens[1], tokens[2], tokens[2])):
        seen = {it.header("authorization") for it in hub.requests
                if it.path.startswith(f"/{repo.prefix}{repo.id}/resolve/")}
        assert seen == {f"Bearer {token}"}, repo.id
    assert ask(daemon, "/api/models?search=x").status == 200
    assert hub.requests[-1].header("authorization") == f"Bearer {tokens[2]}"


def test_without_a_default_other_repos_are_asked_for_with_the_client_s_own(
        hub, hubkeep, token_file, known_token):
    ours = hub.add_repo("model", "ours/a", {"c.json": b"{}"}, private=True)
    other = hub.add_repo("model", "other/b", {"c.json": b"{}"}, private=True)
    token, own = known_token(ours), known_token(other)
    daemon = hubkeep(hub, upstream_tokens="[" + token_map(
        "ours", "ours/*", file=token_file("t", token)) + "]")
    assert fetch(daemon, ours).body == b"{}"
    assert fetch(daemon, other).status == 404
    assert ask(daemon, file_path(other, "c.json"), authorization=f"Bearer {own}").body == b"{}"
    assert not [it for it in hub.asked_with(token) if "/other/" in it.path]


def test_a_credential_of_systemd_is_found(hub, hubkeep, tmp_path, known_token):
    repo = hub.add_repo("model", "org/cred", {"c.json": b"{}"}, private=True)
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "hf-token").write_text(known_token())
    (folder / "hf-token").chmod(0o440)
    daemon = hubkeep(hub, env={"CREDENTIALS_DIRECTORY": str(folder)})
    assert fetch(daemon, repo).body == b"{}"
    assert tokens_of(daemon)["default"]["where"] == "credential hf-token"


def test_hf_token_file_names_one(hub, hubkeep, token_file, known_token):
    repo = hub.add_repo("model", "org/file", {"c.json": b"{}"}, private=True)
    daemon = hubkeep(hub, env={"HF_TOKEN_FILE": str(token_file("named", known_token()))})
    assert fetch(daemon, repo).body == b"{}"


def test_a_command_sees_no_token(hub, hubkeep, tmp_path, known_token, token_file):
    """Not even the one that it is used instead of."""
    seen = tmp_path / "seen"
    file = token_file("t", known_token())
    daemon = hubkeep(hub, env={"HF_TOKEN": new_token(), "HUGGING_FACE_HUB_TOKEN": "old"},
                     upstream_token_command=f"env > {seen}; ls -l /proc/self/fd >> {seen};"
                     f" cat {file}")
    assert "HF_TOKEN" not in seen.read_text() and "HUGGING" not in seen.read_text()
    assert "index.sqlite" not in seen.read_text() and "socket:" not in seen.read_text()
    assert tokens_of(daemon)["default"]["where"] == "command"
    assert logged(daemon, "HF_TOKEN is ignored")


@pytest.mark.parametrize("setting, why", (
    ("upstream-token-command=exit 3", "exit code 3"),
    ("upstream-tokens=[{name: a, repos: [x], file: /nowhere}]", "/nowhere"),
    ("upstream-tokens=[{name: default, repos: [x], file: /nowhere}]", "upstream.token_file"),
    ("upstream-tokens=[{name: a, file: /nowhere}]", "needs repos"),
))
def test_a_place_without_a_token_ends_the_start(hubkeep_cli, tmp_path, setting, why):
    run = hubkeep_cli("serve", "--data-dir", tmp_path / "data", "--" + setting)
    assert run.returncode == 78 and why in run.stderr, run


# Reload

@pytest.mark.parametrize("way", ("SIGHUP", "POST"))
def test_a_token_is_changed_without_losing_a_request(hub, hubkeep, token_file, known_token, way):
    big = Generated(8 << 20, "rotated")
    repo = hub.add_repo("model", "org/rotated", {"a.bin": big, "c.json": b"{}"}, private=True)
    old, new = known_token(), known_token()
    file = token_file("token", old)
    daemon = hubkeep(hub, upstream_token_file=file, revisions_ttl="0s")
    gate = hub.gate(big.sha256, origin="cdn", at=1 << 20)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(fetch(daemon, repo, "a.bin")))
    reader.start()
    gate.wait_arrived()
    file.write_text(new)
    if way == "SIGHUP":
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: logged(daemon, "settings were reloaded"), "the reload")
    else:
        answer = daemon.admin("POST", "/reload")
        assert (answer.status, answer.json()["reloaded"]) == (200, True)
    hub.revoke_token(old)
    hub.reset_counts()
    assert fetch(daemon, repo).body == b"{}"
    gate.open()
    reader.join(60)
    assert answers[0].body == big.bytes()
    assert {it.header("authorization") for it in hub.requests if it.origin == "hub"} == {
        f"Bearer {new}"}


def test_a_mistake_keeps_all_that_was(hub, hubkeep, token_file, known_token):
    repo = hub.add_repo("model", "org/kept", {"c.json": b"{}"}, private=True)
    file = token_file("token", known_token())
    daemon = hubkeep(hub, upstream_token_file=file, revisions_ttl="0s")
    before = tokens_of(daemon)["default"]["fingerprint"]
    assert "hubkeep_config_last_reload_successful 1" in metrics(daemon)
    file.chmod(0o644)
    answer = daemon.admin("POST", "/reload")
    assert answer.status == 422 and not answer.json()["reloaded"]
    problem, = answer.json()["problems"]
    assert str(file) in problem and "chmod 600" in problem
    wait_until(lambda: logged(daemon, "settings were not reloaded"), "the log says so")
    assert "hubkeep_config_last_reload_successful 0" in metrics(daemon)
    assert fetch(daemon, repo).body == b"{}"
    assert tokens_of(daemon)["default"]["fingerprint"] == before
    file.chmod(0o600)
    assert daemon.admin("POST", "/reload").status == 200


def test_what_counts_from_the_next_start_on_is_said(hub, hubkeep, tmp_path, hubkeep_cli):
    file = tmp_path / "hubkeep.yaml"
    file.write_text("revisions:\n  ttl: 60s\naccess:\n  contact: nobody\n")
    daemon = hubkeep(hub, config=file)
    file.write_text("revisions:\n  ttl: 61s\naccess:\n  contact: somebody\n")
    answer = daemon.admin("POST", "/reload").json()
    assert answer["needs_restart"] == ["revisions.ttl"]
    run = hubkeep_cli("reload", *daemon.cli_args)
    assert run.returncode == 0 and "revisions.ttl" in run.stderr, run


def test_only_post_reloads(hub, hubkeep):
    daemon = hubkeep(hub)
    assert daemon.admin("GET", "/reload").status == 405
    assert not logged(daemon, "reloaded")


# A token that the Hub refuses

def test_a_revoked_token_is_the_operator_s_matter(hub, hubkeep, known_token, hubkeep_cli):
    repo = hub.add_repo("model", "org/revoked", {"c.json": b"{}", "d.json": b"{}"})
    token = known_token()
    daemon = hubkeep(hub, token=token, revisions_ttl="0s")
    assert fetch(daemon, repo).body == b"{}"
    assert 'hubkeep_token_valid{token="default"} 1' in metrics(daemon)
    assert "token default" not in readiness(daemon)
    hub.revoke_token(token)
    stale = fetch(daemon, repo)
    assert stale.body == b"{}" and stale.header("x-hf-warning"), stale
    for _ in range(3):
        answer = fetch(daemon, repo, "d.json")
        assert answer.status == 530 and "(default)" in answer.header("x-error-message")
        assert answer.header("www-authenticate") is None
    assert 'hubkeep_token_valid{token="default"} 0' in metrics(daemon)
    wait_until(lambda: logged(daemon, "the Hub refuses a service token"), "the log says so")
    assert len(logged(daemon, "the Hub refuses a service token")) == 1      # of four requests
    assert "token default refused by the Hub since 20" in readiness(daemon)
    assert daemon.admin("GET", "/readyz").status == 200     # what is cached is served
    listed = tokens_of(daemon)["default"]
    assert (listed["state"], listed["cause"], listed["account"]) == ("refused", BAD_TOKEN, None)
    doctor = hubkeep_cli("doctor", "--json", *daemon.cli_args)
    assert doctor.returncode == 1
    checks = {it["about"]: it for it in json.loads(doctor.stdout)["checks"]}
    assert checks["token default"]["level"] == "problem" and checks["token default"]["remedy"]
    hub.add_token(token)
    assert fetch(daemon, repo, "d.json").body == b"{}"
    wait_until(lambda: logged(daemon, "takes the service token again"), "the log says so")
    assert "token default" not in readiness(daemon)


# What the Hub tells of them

def test_status_tells_whose_a_token_is_and_asks_seldom(hub, hubkeep, known_token, hubkeep_cli):
    token = known_token(user="ml-team", role="fineGrained", expires_at="2099-01-01T00:00:00.000Z")
    daemon = hubkeep(hub, token=token)
    run = hubkeep_cli("token", "status", *daemon.cli_args)
    assert run.returncode == 0, run
    heading, line = run.stdout.splitlines()
    assert heading.split()[:4] == ["NAME", "REPOS", "FROM", "KEY"]
    for word in ("default", "valid", "ml-team", "fineGrained", "2099-01-01T00:00:00.000Z"):
        assert word in line, run.stdout
    assert token[4:] not in run.stdout
    status = json.loads(hubkeep_cli("token", "status", "--json", *daemon.cli_args).stdout)
    assert status["tokens"][0]["quotas"][0]["quota"] > 0
    assert hub.count("hub", path="whoami-v2") == 1


def test_status_without_a_daemon_tells_what_a_start_would_use(hubkeep_cli, token_file, tmp_path):
    token = new_token()
    run = hubkeep_cli("token", "status", "--data-dir", tmp_path, "--admin-listen", "127.0.0.1:1",
                      "--upstream-token-file", token_file("t", token))
    assert run.returncode == 0 and "not running" in run.stderr, run
    assert "default" in run.stdout and token[4:] not in run.stdout


# Stored ones

def test_a_token_is_set_and_removed_while_hubkeep_runs(hub, hubkeep, known_token, hubkeep_cli):
    repo = hub.add_repo("model", "ours/stored", {"c.json": b"{}"}, private=True)
    token = known_token(repo)
    daemon = hubkeep(hub, revisions_negative_ttl="0s")
    assert fetch(daemon, repo).status == 404
    run = hubkeep_cli("token", "set", "ours", "--repos", "ours/*,x/y", *daemon.cli_args,
                      input=token + "\n")
    assert run.returncode == 0 and "has read it" in run.stderr, run
    assert token[4:] not in run.stdout + run.stderr
    file = daemon.data_dir / "tokens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_uid == daemon.data_dir.stat().st_uid
    assert fetch(daemon, repo).body == b"{}"
    assert tokens_of(daemon)["ours"]["repos"] == ["ours/*", "x/y"]
    run = hubkeep_cli("token", "rm", "ours", *daemon.cli_args)
    assert run.returncode == 0 and token not in file.read_text(), run
    assert tokens_of(daemon) == {}
    again = hubkeep_cli("token", "rm", "ours", *daemon.cli_args)
    assert again.returncode == 1 and "no token" in again.stderr, again


def test_a_stored_token_is_read_at_the_start(hub, hubkeep, known_token, hubkeep_cli, tmp_path,
                                             token_file):
    repo = hub.add_repo("model", "org/later", {"c.json": b"{}"}, private=True)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    run = hubkeep_cli("token", "set", "--from-file", token_file("t", known_token()),
                      "--data-dir", data, "--admin-listen", "127.0.0.1:1")
    assert run.returncode == 0 and "at its start" in run.stderr, run
    daemon = hubkeep(hub, data_dir=str(data))
    assert fetch(daemon, repo).body == b"{}"
    assert tokens_of(daemon)["default"]["where"] == "stored"


@pytest.mark.parametrize("words, why", (
    (["default", "hf_abcdefghijklmnopqrstuvwxyzabcdefgh"], "every user of this machine"),
    (["hf_abcdefghijklmnopqrstuvwxyzabcdefgh"], "every user of this machine"),
    (["ours"], "--repos"), (["default", "--repos", "x/*"], "for all repositories"),
    (["a b", "--repos", "x/*"], "NAME takes"),
))
def test_wrong_use_is_explained(hubkeep_cli, tmp_path, words, why):
    run = hubkeep_cli("token", "set", *words, "--data-dir", tmp_path, input="x")
    assert run.returncode == 2 and why in run.stderr and "hf_abc" not in run.stderr, run
    assert not (tmp_path / "tokens.json").exists()


@pytest.mark.parametrize("typed", ("", "two words", "a\nb\n", "x" * 5000))
def test_what_is_no_token_is_not_stored(hubkeep_cli, tmp_path, typed):
    run = hubkeep_cli("token", "set", "--data-dir", tmp_path, input=typed)
    assert run.returncode == 1 and (not typed or typed not in run.stderr), run
    assert not (tmp_path / "tokens.json").exists()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *args):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([binary(), *map(str, args)], stdin=slave, stdout=slave,
                                        stderr=slave, env=clean_env(), start_new_session=True)
        self.slave = slave
        self.shown = b""

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def read_until(self, text: bytes) -> None:
        while text not in self.shown:
            self.shown += os.read(self.master, 4096)

    def close(self) -> None:
        self.process.wait(30)
        os.close(self.slave)
        os.close(self.master)


def test_a_terminal_does_not_show_the_token(tmp_path):
    token = new_token()
    terminal = Terminal("token", "set", "--data-dir", tmp_path, "--admin-listen", "127.0.0.1:1")
    terminal.read_until(b"not shown")
    wait_until(lambda: not terminal.echoes(), "the echo goes off")
    os.write(terminal.master, token.encode() + b"\n")
    terminal.read_until(b"at its start")
    assert terminal.process.wait(30) == 0 and terminal.echoes()
    assert token.encode() not in terminal.shown
    assert token in (tmp_path / "tokens.json").read_text()
    terminal.close()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path, number):
    terminal = Terminal("token", "set", "--data-dir", tmp_path)
    terminal.read_until(b"not shown")
    wait_until(lambda: not terminal.echoes(), "the echo goes off")
    terminal.process.send_signal(number)
    assert terminal.process.wait(30) == -number
    assert terminal.echoes() and not (tmp_path / "tokens.json").exists()
    terminal.close()


# Doctor and the start

def test_doctor_finds_nothing_where_all_is_well(hub, hubkeep, known_token, hubkeep_cli):
    daemon = hubkeep(hub, token=known_token(role="read"))
    run = hubkeep_cli("doctor", *daemon.cli_args, "--upstream-endpoint", hub.url)
    assert run.returncode == 0 and "problem" not in run.stdout, run
    for word in ("settings", "data_dir", "it runs", "hub ok", "token default", "sharing"):
        assert word in run.stdout, run.stdout


def test_doctor_names_what_is_wrong_and_what_to_do(hubkeep_cli, tmp_path):
    run = hubkeep_cli("doctor", "--json", "--data-dir", tmp_path, "--admin-listen", "127.0.0.1:1",
                      "--upstream-endpoint", "http://127.0.0.1:1")
    assert run.returncode == 1, run
    checks = {it["about"]: it for it in json.loads(run.stdout)["checks"]}
    assert checks["daemon"]["level"] == "warning" and "serve" in checks["daemon"]["remedy"]
    assert checks["hub"]["level"] == "problem" and "refused" in checks["hub"]["what"]
    run = hubkeep_cli("doctor", "--lisen-typo", "x")
    assert run.returncode == 2
    run = hubkeep_cli("doctor", "--threads", "none")
    assert run.returncode == 1 and "--threads" in run.stdout, run


def test_doctor_warns_of_tokens_that_expire(hub, hubkeep, known_token, hubkeep_cli):
    daemon = hubkeep(hub, token=known_token(expires_at="2020-01-01T00:00:00.000Z", role="write"))
    run = hubkeep_cli("doctor", *daemon.cli_args, "--upstream-endpoint", hub.url)
    assert run.returncode == 1 and "expired at 2020-01-01" in run.stdout, run
    assert "also change things" in run.stdout, run


def test_the_start_says_who_may_read(hub, hubkeep):
    daemon = hubkeep(hub, token=True)
    assert "token  default: every client that reaches this address may read" in daemon.output()
    assert not logged(daemon, "can be reached from other machines")
    daemon.restart(listen=f"0.0.0.0:{daemon.port}")
    assert any("without a key" in str(it) for it in daemon.log_lines())
    daemon.restart(access_sharing="verify")
    assert "prove access with a Hub token of their own" in daemon.output()
