"""Fixtures for every test: `hub`, `hub_tls`, `hubkeep`, `hubkeep_cli`.

`hub` is a fresh stand-in Hub per test. `hubkeep` starts daemons, any number of them; the end of the
test ends them and looks at how they lived, and no token may have left the daemon for a stranger.
"""
import subprocess

import pytest

from hub import StandInHub

from .daemon import Daemon, binary, clean_env, new_token


def _checked(stand_in: StandInHub):
    with stand_in as hub:
        yield hub
        assert not hub.crashes, "the stand-in has a bug:\n" + "\n".join(hub.crashes)


@pytest.fixture
def hub():
    yield from _checked(StandInHub())


@pytest.fixture
def hub_tls():
    yield from _checked(StandInHub(tls=True))


@pytest.fixture
def hubkeep(tmp_path):
    """Call it to start a daemon: `hubkeep(hub, token=True, revisions_ttl="0s")`.

    token=True makes one that the Hub knows and gives it as `upstream.token_file`; a text is given
    as it is. Other names are settings, `a_b` for the flag `--a-b`; `data_dir` and `listen` too.
    """
    daemons: list[tuple[Daemon, StandInHub | None]] = []

    def start(hub=None, *, token=None, env=None, args=(), prefix=(), **flags) -> Daemon:
        folder = tmp_path / f"hubkeep-{len(daemons)}"
        folder.mkdir()
        if hub is not None:
            flags.setdefault("upstream_endpoint", hub.url)
            flags.setdefault("upstream_datasets_server", hub.viewer_url)
            if hub.url.startswith("https"):
                flags.setdefault("upstream_ca_file", hub.ca_file)
        if token is True:
            token = new_token()
            hub.add_token(token)
        if token:
            file = folder / "token"
            file.touch(mode=0o600)
            file.write_text(token + "\n")
            flags.setdefault("upstream_token_file", str(file))
        kept = [token, (env or {}).get("HF_TOKEN")]
        daemon = Daemon(folder, flags, env, args, kept, prefix)
        daemons.append((daemon, hub))
        return daemon.start()

    yield start
    wrong = [it for daemon, hub in daemons for it in daemon.verdict(hub.tokens if hub else ())]
    for hub in {id(it): it for _, it in daemons if it}.values():
        leaks = [f"{it.method} {it.path} on {it.origin}" for it in hub.leaks]
        wrong += [f"a credential left for {it}" for it in leaks]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def hubkeep_cli():
    """Runs one command to its end: `hubkeep_cli("config", "check", env={...})`."""
    def run(*args, env=None, **options) -> subprocess.CompletedProcess:
        return subprocess.run([binary(), *map(str, args)], env=clean_env(env), text=True,
                              capture_output=True, timeout=60, **options)
    return run
