"""Keys of hubkeep in the place of Hub tokens: what users of huggingface_hub do with them."""
import subprocess

import pytest

from clients.support import VERSIONS, expect_file, expect_snapshot
from hub import Generated
from support.daemon import binary, clean_env, new_token

FILES = {"config.json": b"{}", "weights.safetensors": Generated(50_000, "weights")}


def key_for(daemon, name: str, *more: str) -> str:
    """As an operator makes it; it is printed once."""
    command = [binary(), "client", "add", name, "--data-dir", str(daemon.data_dir),
               "--admin-listen", f"127.0.0.1:{daemon.admin_port}", *more]
    run = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=30)
    assert run.returncode == 0, run
    return run.stdout.strip()


def of(result: dict) -> str:
    return result["error"][0] if "error" in result else "nothing"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_opens_what_is_shared_and_the_hub_never_hears_of_it(scene, version):
    gated = scene.hub.add_repo("model", "org/gated", FILES, gated="manual")
    private = scene.hub.add_repo("model", "org/private", FILES, private=True)
    scene.hub.add_repo("model", "shop/open", FILES)
    daemon = scene.start(token=True, clients_anonymous="")
    key = key_for(daemon, "robot", "--repos", "org/*")
    daemon.restart()
    client = scene.client(version, HF_TOKEN=key)
    whoami, snapshot, file, foreign = client.do(
        {"call": "whoami"}, {"call": "snapshot", "repo_id": gated.id},
        {"call": "file", "repo_id": private.id, "filename": "config.json"},
        {"call": "file", "repo_id": "shop/open", "filename": "config.json"})
    assert (whoami.get("name"), whoami.get("role")) == ("robot", "read"), whoami
    expect_snapshot(snapshot, gated)
    expect_file(file, private, "main", "config.json")
    assert of(foreign) == "GatedRepoError" and "robot" in foreign["message"], foreign
    stranger = scene.client(version).do({"call": "info", "repo_id": gated.id})[0]
    assert "error" in stranger and "key" in stranger["message"], stranger
    assert scene.hub.asked_with(key) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_login_takes_a_key_and_a_token_of_the_hub(scene, version):
    repo = scene.hub.add_repo("model", "org/open", FILES)
    own = new_token()
    scene.hub.add_token(own, user="somebody")
    daemon = scene.start(token=True, access_sharing="verify")
    key = key_for(daemon, "robot")
    daemon.restart()
    file = {"call": "file", "repo_id": repo.id, "filename": "config.json"}
    for token, name in ((key, "robot"), (own, "somebody")):
        client = scene.client(version)
        login, whoami, found = client.do({"call": "login", "token": token}, {"call": "whoami"}, file)
        assert login.get("stored") == token and whoami.get("name") == name, (login, whoami)
        expect_file(found, repo, "main", "config.json")
    refused = scene.client(version).do({"call": "login", "token": new_token()}, {"call": "whoami"})
    assert ["error" in it for it in refused] == [True, True], refused
