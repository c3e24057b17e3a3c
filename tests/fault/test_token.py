"""The service token: where it may go (to the Hub) and where it may be seen (nowhere).

`hub.leaks`, which the fixture looks at after every test, are requests to other origins that carried
a credential. That its text is in nothing the daemon gives away is the matter of test_canary.py.
"""
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import threading

import pytest

from fault.support import MIB, ask, expect_file, file_path, wait_until
from hub import Generated
from support.daemon import binary, clean_env, free_port, new_token


def test_a_refused_service_token_is_not_blamed_on_the_client(hub, hubkeep):
    daemon = hubkeep(hub, token=new_token())    # the Hub does not know it
    repo = hub.add_repo("model", "org/public", {"c.json": b"{}"})
    for method in ("HEAD", "GET"):
        answer = ask(daemon, file_path(repo, "c.json"), method)
        assert answer.status >= 500 and "token" in answer.header("x-error-message"), answer


# What the Hub names: see test_redirects.py for redirects

def test_a_realm_that_the_hub_names_is_not_visited(hub, hubkeep):
    """As registries do it; whoever follows brings the credentials to a stranger."""
    repo = hub.add_repo("model", "org/realm", {"c.json": b"{}"})
    daemon = hubkeep(hub, token=True)
    realm = f'Bearer realm="{hub.other_url}/token",service="x",scope="y"'
    hub.fault(None, "status", origin="hub", code=401, times=None,
              headers={"WWW-Authenticate": realm})
    answer = ask(daemon, file_path(repo, "c.json"))
    assert answer.failed and hub.other_url not in str(answer.headers), answer
    assert hub.count("other") == 0 and hub.connections("other") == 0


def test_addresses_in_listings_are_not_visited_nor_handed_on(hub, hubkeep):
    repo = hub.add_repo("model", "org/poison", {"c.json": b"{}"})
    daemon = hubkeep(hub, token=True)
    link = {"Content-Type": "application/json", "Link": f'<{hub.other_url}/next>; rel="next"'}
    hub.fault("/tree/", "status", origin="hub", code=200, headers=link, body=b"[]")
    answer = ask(daemon, f"/api/models/{repo.id}/tree/main")
    assert hub.other_url not in str(answer.headers), answer
    assert hub.connections("other") == 0


def test_the_client_s_token_and_cookies_stay_here(hub, hubkeep):
    token = new_token()
    hub.add_token(token)
    repo = hub.add_repo("model", "org/client", {"a.bin": Generated(MIB, "client")})
    daemon = hubkeep(hub, token=True)
    own = {"authorization": f"Bearer {token}", "cookie": "token=abc", "origin": "http://in",
           "referer": "http://inside/", "x_forwarded_for": "10.1.2.3",
           "proxy_authorization": "Basic eDp5"}
    for path in (file_path(repo, "a.bin"), f"/api/models/{repo.id}/tree/main",
                 "/api/models?search=x", f"/api/models/{repo.id}/commits/main"):
        assert ask(daemon, path, **own).status == 200
    for record in hub.requests:
        text = str(record.headers)
        assert token not in text, f"{record.method} {record.path} carried the client's token"
        names = {"cookie", "referer", "x-forwarded-for", "proxy-authorization", "origin"}
        assert not names & set(record.headers), f"{record.path}: {text}"


# How the daemon gets it

@pytest.mark.parametrize("mode", (0o644, 0o640, 0o604, 0o660))
def test_a_token_file_that_others_can_read_is_refused(hubkeep_cli, tmp_path, mode):
    file = tmp_path / "token"
    file.write_text(new_token())
    file.chmod(mode)
    run = hubkeep_cli("serve", "--listen", f"127.0.0.1:{free_port()}", "--data-dir",
                      tmp_path / "data", "--admin-listen", f"127.0.0.1:{free_port()}",
                      "--upstream-token-file", file)
    assert run.returncode == 78, run
    assert str(file) in run.stderr and "chmod" in run.stderr, run.stderr
    assert file.read_text() not in run.stderr + run.stdout


def test_hf_token_is_used_and_leaves_the_environment(hub, hubkeep):
    token = new_token()
    hub.add_token(token)
    repo = hub.add_repo("model", "org/env", {"c.json": b"{}"}, private=True)
    daemon = hubkeep(hub, env={"HF_TOKEN": token, "HARMLESS": "stays"})
    environ = pathlib.Path(f"/proc/{daemon.pid}/environ").read_bytes()
    assert token.encode() not in environ and b"HARMLESS=stays" in environ
    assert ask(daemon, file_path(repo, "c.json")).body == b"{}"
    assert hub.requests[0].header("authorization") == f"Bearer {token}"


def test_files_of_the_store_are_the_owner_s_alone(hub, tmp_path):
    """Whatever the umask of whoever starts it."""
    repo = hub.add_repo("model", "org/modes", {"a.bin": Generated(MIB, "modes")})
    data, port = tmp_path / "data", free_port()
    command = [binary(), "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(data),
               "--admin-listen", f"127.0.0.1:{free_port()}", "--upstream-endpoint", hub.url]
    process = subprocess.Popen(command, env=clean_env(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, umask=0)
    try:
        def fetch():
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                link.request("GET", file_path(repo, "a.bin"))
                return len(link.getresponse().read()) == MIB
            except ConnectionError:
                return False
            finally:
                link.close()
        wait_until(fetch, "the daemon answers")
        open_to_others = [it for it in [data, *data.rglob("*")]
                          if not it.is_symlink() and os.stat(it).st_mode & 0o077]
        assert open_to_others == []
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_proxies_of_the_environment_are_not_used(hub, hubkeep):
    seen = []
    trap = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: seen.append(trap.accept()), daemon=True).start()
    place = f"http://127.0.0.1:{trap.getsockname()[1]}"
    repo = hub.add_repo("model", "org/proxy", {"c.json": b"{}"})
    daemon = hubkeep(hub, token=True, env={
        name: place for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                 "ALL_PROXY", "all_proxy")})
    expect_file(ask(daemon, file_path(repo, "c.json")), hub.repo("model", "org/proxy")
                .find("main").entries["c.json"].content)
    assert seen == []
    trap.close()
