"""huggingface_hub served from what hubkeep knows: from a listing that passed, or from files that
were fetched one by one before the Hub went away.

A part of a repo is never taken for the whole: not by a program, which finds no marker of a missing
file, and not by the client's own cache, which newer versions believe for ever.
"""
import pytest

from clients.support import VERSIONS, expect_file, expect_snapshot
from hub import Generated

FILES = {
    "README.md": b"# known\n", "config.json": b'{"model_type": "stand-in"}\n', "empty.txt": b"",
    "model.safetensors": Generated(400_000, "weights"),
    "onnx/model.onnx": Generated(200_000, "onnx"), "onnx/small/model.onnx": b"tiny",
    "sub dir/we#ird%20+\u00f1.txt": b"odd\n",
}
FETCHED = ("config.json", "model.safetensors", "onnx/small/model.onnx")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_listing_spares_every_question_after_it(scene, version):
    repo = scene.hub.add_repo("model", "org/known", FILES)
    first = scene.client(version)
    info, tree = first.do({"call": "info", "repo_id": repo.id},
                          {"call": "tree", "repo_id": repo.id})
    assert info["sha"] == repo.head and set(FILES) <= set(tree["names"])
    scene.hub.reset_counts()
    second = scene.client(version)
    sizes, snapshot, missing = second.do(
        {"call": "paths", "repo_id": repo.id, "paths": [*FILES, "none.txt"]},
        {"call": "snapshot", "repo_id": repo.id},
        {"call": "file", "repo_id": repo.id, "filename": "none.txt"})
    assert sizes["sizes"] == {path: len(it) if isinstance(it, bytes) else it.size
                              for path, it in FILES.items()}
    expect_snapshot(snapshot, repo)
    assert "EntryNotFoundError" in missing["error"], missing
    assert scene.hub.count("hub", "HEAD") == 0
    assert scene.hub.count("hub", path="/api/models/org") == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_files_one_by_one_make_a_snapshot_when_the_hub_is_gone(scene, version):
    repo = scene.hub.add_repo("model", "org/parts", FILES)
    jobs = [{"call": "file", "repo_id": repo.id, "filename": it} for it in FETCHED]
    for path, result in zip(FETCHED, scene.client(version).do(*jobs), strict=True):
        expect_file(result, repo, "main", path)
    scene.go_offline()
    user = scene.client(version)
    snapshot, missing = user.do({"call": "snapshot", "repo_id": repo.id},
                                {"call": "file", "repo_id": repo.id, "filename": "README.md"})
    assert snapshot["commit"] == repo.head
    commit = repo.commits[repo.head]
    assert snapshot["files"] == {it: commit.entries[it].content.sha256 for it in FETCHED}
    assert "LocalEntryNotFoundError" in missing["error"], missing
    assert user.markers() == [], "what is not known is not missing"
    assert list(user.cache.rglob("trees/*.json")) == [], "a part must not be kept as the whole"
    scene.hub.up()
    scene.daemon.restart()
    again = scene.client(version, home=user.home)
    expect_snapshot(again.do({"call": "snapshot", "repo_id": repo.id})[0], repo)
