"""huggingface_hub, from the oldest version in use to the newest, each with hf_xet where it has it.

Three users per test: the first finds an empty daemon, the second a warm one, the third comes after
a restart with the Hub gone. All get the same bytes under the same names; only the first costs the
Hub anything.
"""
import hashlib
from collections import Counter

import pytest

from clients.support import VERSIONS, expect_file, expect_snapshot, lfs_bytes
from hub import Generated

ODD_NAME = "sub dir/we#ird%20+ñ.txt"
FILES = {
    "config.json": b'{"model_type": "stand-in"}\n',
    "empty.txt": b"",
    ODD_NAME: b"a name that is easily decoded twice\n",
    "model.safetensors": Generated(3 << 20, "weights"),
    "a/b/c/d/e/deep.bin": Generated(300_000, "deep"),
}


def thirty_files():
    small = {f"part {n:02}/note-{n}.txt": f"note {n}\n".encode() * n for n in range(20)}
    large = {f"weights/{n:02}.bin": Generated(100_000 + n, f"large {n}") for n in range(8)}
    return small | large | {"README.md": b"# thirty files\n", "empty": b""}


def transfers(hub) -> Counter:
    """How often each content crossed the WAN: whole answers of the CDN and of the file cache."""
    return Counter(it.path for it in hub.requests if it.method == "GET" and it.status == 200
                   and (it.origin == "cdn" or "/resolve-cache/" in it.path))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_file(scene, version):
    repo = scene.hub.add_repo("model", "org/files", FILES)
    repo.commit({"config.json": b'{"model_type": "pull request"}\n'}, branch="refs/pr/1")
    wanted = [(revision, path) for revision in ("main", "refs/pr/1", repo.head) for path in FILES]
    jobs = [{"call": "file", "repo_id": repo.id, "filename": path, "revision": revision}
            for revision, path in wanted]

    def fetch():
        for (revision, path), result in zip(wanted, scene.client(version).do(*jobs), strict=True):
            expect_file(result, repo, revision, path)

    fetch()
    assert lfs_bytes(repo) <= scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)
    scene.hub.reset_counts()
    fetch()
    assert scene.hub.requests == []
    scene.go_offline()
    fetch()


@pytest.mark.parametrize("version", VERSIONS)
def test_snapshot_of_thirty_files(scene, version):
    repo = scene.hub.add_repo("model", "org/thirty", thirty_files())
    job = {"call": "snapshot", "repo_id": repo.id}
    assert len(repo.find("main").entries) == 30

    expect_snapshot(scene.client(version).do(job)[0], repo)
    assert lfs_bytes(repo) <= scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)
    assert max(transfers(scene.hub).values()) == 1
    scene.hub.reset_counts()
    expect_snapshot(scene.client(version).do(job)[0], repo)
    assert scene.hub.requests == []
    scene.go_offline()
    expect_snapshot(scene.client(version).do(job)[0], repo)


@pytest.mark.parametrize("version", VERSIONS)
def test_datasets_spaces_and_short_names(scene, version):
    """Repos of different kinds share an id and nothing else; `gpt2` has no namespace."""
    files = {"README.md": b"# {}\n", "data/rows.bin": Generated(50_000, "rows")}
    kinds = ["model", "dataset", "space"] + ["kernel"] * (version == "hf-newest")
    repos = [scene.hub.add_repo(kind, "org/same", files | {"kind": kind.encode()})
             for kind in kinds]
    repos.append(scene.hub.add_repo("model", "gpt2", files | {"kind": b"short"}))
    jobs = [{"call": "snapshot", "repo_id": it.id, "repo_type": it.kind} for it in repos]
    jobs += [{"call": "file", "repo_id": it.id, "repo_type": it.kind, "filename": "kind"}
             for it in repos]

    def fetch():
        results = scene.client(version).do(*jobs)
        for repo, snapshot, file in zip(repos, results[:len(repos)], results[len(repos):],
                                        strict=True):
            expect_snapshot(snapshot, repo)
            expect_file(file, repo, "main", "kind")

    fetch()
    scene.hub.reset_counts()
    fetch()
    assert scene.hub.requests == []
    scene.go_offline()
    fetch()


@pytest.mark.parametrize("version", VERSIONS)
def test_listings(scene, version):
    repo = scene.hub.add_repo("model", "org/listed", thirty_files())
    repo.branch("side/branch")
    scene.hub.tree_page_size = 7
    path = "weights/03.bin"
    common = {"repo_id": repo.id}
    jobs = [{"call": "info", **common}, {"call": "info", "revision": repo.head, **common},
            {"call": "info", "revision": "side/branch", **common},
            {"call": "tree", **common}, {"call": "refs", **common},
            {"call": "paths", "paths": [path, "no such"], **common}]
    names = sorted(repo.find("main").entries)
    folders = sorted(it for it in repo.find("main").folders if it)

    def ask():
        infos, (tree, refs, paths) = (lambda it: (it[:3], it[3:]))(scene.client(version).do(*jobs))
        for info in infos:
            assert (info["id"], info["sha"], info["names"]) == (repo.id, repo.head, names)
        assert tree["names"] == sorted(names + folders)
        assert refs["branches"] == {"main": repo.head, "side/branch": repo.head}
        assert paths["sizes"] == {path: repo.find("main").entries[path].size}

    ask()
    scene.hub.reset_counts()
    ask()
    assert scene.hub.requests == []
    scene.go_offline()
    ask()


@pytest.mark.parametrize("version", VERSIONS)
def test_renamed_repository(scene, version):
    repo = scene.hub.add_repo("model", "old/name", FILES)
    scene.hub.rename(repo, "new/name")
    jobs = [{"call": "snapshot", "repo_id": name} for name in ("old/name", "New/Name")]
    for result in scene.client(version).do(*jobs):
        expect_snapshot(result, repo)
    assert scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)
    scene.go_offline()
    for result in scene.client(version).do(*jobs):
        expect_snapshot(result, repo)


@pytest.mark.parametrize("version", ("hf-0.36", "hf-newest"))
def test_reading_ranges_through_the_file_system(scene, version):
    repo = scene.hub.add_repo("model", "org/ranged", {"model.safetensors": Generated(2 << 20, "r")})
    content = repo.find("main").entries["model.safetensors"].content
    spans = [(0, 100), (1 << 20, (1 << 20) + 70_000), (content.size - 10, content.size)]
    jobs = [{"call": "read", "path": f"{repo.id}/model.safetensors", "start": start, "stop": stop}
            for start, stop in spans]
    expected = [hashlib.sha256(content.read(start, stop - start)).hexdigest()
                for start, stop in spans]
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        results = scene.client(version).do(*jobs)
        assert [it.get("sha256", it) for it in results] == expected, stage
