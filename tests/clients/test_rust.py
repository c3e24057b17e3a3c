"""The Rust crate hf-hub 0.4: it asks `bytes=0-0` where others ask HEAD, and checks no digest."""
import subprocess

import pytest

from clients.support import RUST, TIMEOUT, environment, lfs_bytes, sha256
from hub import Generated

FILES = {"config.json": b"{}\n", "plain dir/a b.txt": b"spaces\n",
         "model.safetensors": Generated(5 << 20, "rust")}


def run(scene, mode, repo, revision, *files, user=None):
    """`user` has a home and an endpoint of his own; without one, a new user comes."""
    if not RUST.exists():
        pytest.skip("the Rust client is not built: tests/run builds it where cargo is installed")
    home = user.home if user else scene.home()
    variables = environment(home, user.endpoint if user else scene.daemon.url)
    done = subprocess.run([RUST, mode, repo.kind, repo.id, revision, *files], env=variables,
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    return [tuple(it.split(" ", 1)) for it in done.stdout.splitlines()]


def fetch(scene, mode, repo, revision="main"):
    commit = repo.find(revision)
    for path, (verdict, value) in zip(FILES, run(scene, mode, repo, revision, *FILES), strict=True):
        assert verdict == "ok", f"{path}: {value}"
        assert f"/snapshots/{commit.sha}/" in value
        assert sha256(value) == commit.entries[path].content.sha256, path


@pytest.mark.parametrize("mode", ("sync", "tokio", "chunked"))
def test_files(scene, mode):
    repo = scene.hub.add_repo("model", "org/rust", FILES)
    repo.commit({"config.json": b"other\n"}, branch="refs/pr/1")
    scene.start()
    for revision in ("main", "refs/pr/1", repo.head):
        fetch(scene, mode, repo, revision)
    assert lfs_bytes(repo) <= scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)
    scene.hub.reset_counts()
    fetch(scene, mode, repo)
    assert scene.hub.requests == []
    scene.go_offline()
    fetch(scene, mode, repo)


@pytest.mark.parametrize("mode", ("sync", "tokio"))
def test_info_and_errors(scene, mode):
    repo = scene.hub.add_repo("dataset", "org/rust-data", FILES)
    scene.start()
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        names = run(scene, mode, repo, "main")
        assert sorted(names) == sorted(("name", it) for it in FILES), stage
        (verdict, why), = run(scene, mode, repo, "main", "missing.bin")
        assert verdict == "error"
        assert stage == "offline" or "404" in why
