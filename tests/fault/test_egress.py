"""The way out: through proxies, with TLS sessions resumed, and to whichever address answers."""
import pytest

from fault.support import MIB, ask, expect_file, file_path, wait_until
from hub import Generated
from support.proxies import ConnectProxy, SocksProxy

FILES = {"config.json": b'{"a": 1}', "weights.bin": Generated(2 * MIB, "weights")}
LOGIN = "user:secret-word"
KINDS = pytest.mark.parametrize("kind", (ConnectProxy, SocksProxy))


def login_file(tmp_path, text: str):
    file = tmp_path / "login"
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    return str(file)


def host_of(url: str) -> str:
    return url.split("//")[1]


@KINDS
@pytest.mark.parametrize("with_login", (False, True))
@pytest.mark.parametrize("fixture", ("hub", "hub_tls"))
def test_hub_and_cdn_are_reached_through_the_proxy(request, hubkeep, tmp_path, kind, with_login,
                                                   fixture):
    hub = request.getfixturevalue(fixture)
    repo = hub.add_repo("model", "org/far", FILES)
    with kind(LOGIN if with_login else None) as proxy:
        flags = {"upstream_proxy_auth_file": login_file(tmp_path, LOGIN)} if with_login else {}
        daemon = hubkeep(hub, token=True, upstream_proxy=proxy.url, **flags)
        expect_file(ask(daemon, file_path(repo, "weights.bin")), FILES["weights.bin"])
        assert ask(daemon, f"/api/models/{repo.id}").status == 200
        assert set(proxy.targets) == {host_of(hub.url), host_of(hub.cdn_url)}
        assert len(proxy.targets) == hub.connections()
        assert LOGIN not in daemon.output() and "secret-word" not in daemon.output()


@KINDS
def test_a_refused_login_is_a_clear_error(hub, hubkeep, tmp_path, kind):
    repo = hub.add_repo("model", "org/far", FILES)
    with kind(LOGIN) as proxy:
        for text in (None, "user:wrong"):
            flags = {"upstream_proxy_auth_file": login_file(tmp_path, text)} if text else {}
            daemon = hubkeep(hub, upstream_proxy=proxy.url, **flags)
            answer = ask(daemon, file_path(repo, "config.json"), "HEAD")
            assert answer.status == 530 and answer.header("x-error-code") is None, answer
            message = answer.header("x-error-message")
            assert f"the proxy 127.0.0.1:{proxy.port}" in message, message
            assert "upstream.proxy_auth_file" in message
        assert proxy.refused >= 2 and hub.requests == []


def test_no_proxy_is_reached_directly(hub, hubkeep):
    repo = hub.add_repo("model", "org/far", FILES)
    with ConnectProxy() as proxy:
        daemon = hubkeep(hub, upstream_proxy=proxy.url, upstream_no_proxy="127.0.0.0/8")
        expect_file(ask(daemon, file_path(repo, "weights.bin")), FILES["weights.bin"])
        assert proxy.targets == [host_of(hub.cdn_url)], "the CDN is called localhost"


def test_a_proxy_that_is_gone_is_named(hub, hubkeep):
    repo = hub.add_repo("model", "org/far", FILES)
    with SocksProxy() as proxy:
        url = proxy.url
    daemon = hubkeep(hub, upstream_proxy=url)
    answer = ask(daemon, file_path(repo, "config.json"))
    assert answer.status == 530 and "cannot be reached" in answer.header("x-error-message")


def test_tls_sessions_are_resumed(hub_tls, hubkeep):
    """Connections that the Hub closes are made anew with a known session."""
    hub = hub_tls
    repo = hub.add_repo("model", "org/near", {f"{n}.txt": b"%d" % n for n in range(6)})
    daemon = hubkeep(hub, threads=1)
    for n in range(6):
        path = file_path(repo, f"{n}.txt", repo.head)
        wait_until(lambda: ask(daemon, path).status == 200, "the Hub is asked again", 20)
        hub.down("hub")
        hub.up("hub")
    assert hub.connections("hub") >= 6
    assert hub.resumed("hub") == hub.connections("hub") - 1
