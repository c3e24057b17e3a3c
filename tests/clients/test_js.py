"""@huggingface/hub in Node: probes with `bytes=0-0`, lists with fetch, reads slices as ranges."""
import hashlib
import shutil

import pytest

from clients.support import HERE, environment, finish, lfs_bytes, start
from hub import Generated

JS = HERE / "js"
# An empty file is left out: this client needs a total size from `bytes=0-0`, which no empty file
# has. So is `#`, which it does not encode.
FILES = {"config.json": b"{}\n", "sub dir/ñ name.txt": "ñ\n".encode(),
         "model.safetensors": Generated(2 << 20, "js"), "many/a.txt": b"a", "many/b.txt": b"b"}


def run(scene, *jobs):
    return run_jobs(scene.home(), [{"hubUrl": scene.daemon.url} | it for it in jobs])


def run_jobs(home, jobs, at_once=1, prefix=(), **variables):
    """Each job names its own `hubUrl`, as with this library."""
    if not shutil.which("node") or not (JS / "node_modules").exists():
        pytest.skip("node or its packages are missing: tests/run installs them where npm is")
    process = start([*prefix, "node", JS / "client.mjs", at_once], environment(home, "") | variables, jobs)
    return finish(process, "client.mjs")


def jobs_and_results(repo, revision="main"):
    designation = {"repo": {"type": repo.kind, "name": repo.id}, "revision": revision}
    entries = repo.find(revision).entries
    model = entries["model.safetensors"].content
    names = sorted([*entries, *(it for it in repo.find(revision).folders if it)])
    digests = {path: it.content.sha256 for path, it in entries.items()}
    middle = hashlib.sha256(model.read(1000, 2000)).hexdigest()
    pairs = [({"call": "file", "path": path},
              {"size": it.size, "sha256": it.content.sha256}) for path, it in entries.items()]
    pairs += [({"call": "slice", "path": "model.safetensors", "start": 1000, "stop": 3000},
               {"size": 2000, "sha256": middle}),
              ({"call": "list", "recursive": True}, {"names": names, "xet": True}),
              ({"call": "exists", "path": "model.safetensors"}, {"exists": True}),
              ({"call": "snapshot"}, {"files": digests})]
    return [designation | job for job, _ in pairs], [result for _, result in pairs]


@pytest.mark.parametrize("kind", ("model", "dataset", "space"))
def test_files_lists_and_snapshots(scene, kind):
    repo = scene.hub.add_repo(kind, "org/js", FILES)
    repo.branch("refs/pr/1")
    scene.hub.tree_page_size = 2
    scene.start()
    jobs, expected = jobs_and_results(repo)
    pull_jobs, pull_expected = jobs_and_results(repo, "refs/pr/1")
    jobs, expected = jobs + pull_jobs, expected + pull_expected

    assert run(scene, *jobs) == expected
    assert lfs_bytes(repo) <= scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)
    scene.hub.reset_counts()
    assert run(scene, *jobs) == expected
    assert scene.hub.requests == []
    scene.go_offline()
    assert run(scene, *jobs) == expected


def test_what_is_not_there(scene):
    scene.hub.add_repo("model", "org/js", FILES)
    scene.start()
    name = {"repo": {"type": "model", "name": "org/js"}}
    nowhere = {"repo": {"type": "model", "name": "org/nowhere"}}
    missing, exists, lost = run(
        scene, {"call": "file", "path": "no.bin", **name},
        {"call": "exists", "path": "no.bin", **name}, {"call": "file", "path": "x", **nowhere})
    assert missing == {"missing": True}
    assert exists == {"exists": False}
    assert lost["status"] == 404
