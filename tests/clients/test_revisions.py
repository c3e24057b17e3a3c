"""Branches that move, and downloads that were interrupted, as huggingface_hub meets them."""
import itertools

import pytest

from clients.relay import Relay
from clients.support import VERSIONS, expect_file, expect_snapshot, lfs_bytes
from hub import Generated


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ("config.json", "model.bin"))
def test_branch_moves_between_metadata_and_content(scene, version, path):
    """One download is one commit: name, commit and bytes agree even if all sizes are equal."""
    repo = scene.hub.add_repo("model", "org/moving",
                              {"config.json": b"first ", "model.bin": Generated(70_000, "first")})
    scene.start(revisions_ttl="0s")
    before = repo.head
    seen = []

    def move(line):
        seen.append(line)
        content = line.startswith("GET ") and ("/resolve/" in line or "/xorbs/" in line)
        if content and repo.head == before:
            repo.commit({"config.json": b"second", "model.bin": Generated(70_000, "second")})

    with Relay(scene.daemon.url, move) as relay:
        job = {"call": "file", "repo_id": repo.id, "filename": path}
        result = scene.client(version, endpoint=relay.url).do(job)[0]
    assert repo.head != before, f"the branch did not move: {seen}"
    expect_file(result, repo, before, path)
    expect_file(scene.client(version).do(job)[0], repo, "main", path)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_commit_costs_only_what_changed(scene, version):
    repo = scene.hub.add_repo("model", "org/growing", {
        "config.json": b"{}", "old.bin": Generated(400_000, "old"), "gone.txt": b"gone soon"})
    scene.start(revisions_ttl="0s")
    job = {"call": "snapshot", "repo_id": repo.id}
    client = scene.client(version)
    expect_snapshot(client.do(job)[0], repo)
    first = repo.head
    scene.hub.reset_counts()
    repo.commit({"new.bin": Generated(30_000, "new"), "gone.txt": None})
    expect_snapshot(client.do(job)[0], repo)
    expect_snapshot(scene.client(version).do(job)[0], repo)
    assert scene.hub.bytes_sent("cdn") == 30_000
    # The old commit is still there for whoever pinned it.
    pinned = {"call": "file", "repo_id": repo.id, "filename": "gone.txt", "revision": first}
    expect_file(scene.client(version).do(pinned)[0], repo, first, "gone.txt")


@pytest.mark.parametrize("version", ("hf-0.20", "hf-0.36"))
def test_resumes_what_an_earlier_process_left(scene, version):
    """Versions before 1.18 ask for the rest of a half-written blob, here of a cold file; over Xet
    nobody does."""
    repo = scene.hub.add_repo("model", "org/resumed", {"model.bin": Generated(2 << 20, "resume")})
    entry = repo.find("main").entries["model.bin"]
    client = scene.client(version, HF_HUB_DISABLE_XET="1")
    half = client.cache / "hub" / "models--org--resumed" / "blobs" / f"{entry.etag}.incomplete"
    half.parent.mkdir(parents=True)
    half.write_bytes(entry.content.read(0, 1 << 20))
    job = {"call": "file", "repo_id": repo.id, "filename": "model.bin", "resume_download": True}
    expect_file(client.do(job)[0], repo, "main", "model.bin")
    answers = [it["status"] for it in scene.daemon.access_log(method="GET")
               if "/resolve/" in it["path"]]
    assert answers == [206]
    assert scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)


PLACES = 16


def three_files(turn: int, place: int = 0) -> dict:
    """No two turns or places share a file, and all turns have the same sizes."""
    text = f"{place:06} {turn:06}"
    return {"config.json": text, "sub/notes.txt": "notes " + text,
            "model.bin": Generated(30_000, text)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ttl", ("0s", "1h"))
def test_branch_moves_before_any_request_of_a_snapshot(scene, version, ttl):
    """A repo for each place between two of the daemon's questions: there the branch moves."""
    scene.start(revisions_ttl=ttl)
    repos = [scene.hub.add_repo("model", f"org/at-{at}", three_files(0, at))
             for at in range(PLACES)]
    events = [scene.hub.event(lambda repo=repo, at=at: repo.commit(three_files(1, at)),
                              f"/{repo.id}(/|$)", at + 1) for at, repo in enumerate(repos)]
    jobs = [{"call": "snapshot", "repo_id": it.id} for it in repos]
    found = scene.client(version).do(*jobs)
    for repo, result in zip(repos, found, strict=True):
        expect_snapshot(result, repo, result.get("commit", "main"))
    happened = [it.happened for it in events]
    assert happened[3] and not happened[-1], f"not every place was met: {happened}"
    if ttl == "1h":     # Whoever comes next gets the commit that the first one has got.
        again = scene.client(version).do(*jobs)
        assert [it["commit"] for it in again] == [it["commit"] for it in found]


@pytest.mark.parametrize("version", VERSIONS)
def test_branch_moves_before_every_request_of_many_downloads(scene, version):
    """File by file, with listings between them: within the ttl it is one commit for all."""
    scene.start(revisions_ttl="1h")
    turns = itertools.count(1)
    repo = scene.hub.add_repo("model", "org/restless", three_files(0))
    scene.hub.event(lambda: repo.commit(three_files(next(turns))), f"/{repo.id}(/|$)", at=None)
    files = [{"call": "file", "repo_id": repo.id, "filename": it} for it in three_files(0)]
    jobs = [files[0], {"call": "info", "repo_id": repo.id}, files[1],
            {"call": "refs", "repo_id": repo.id}, {"call": "snapshot", "repo_id": repo.id}, files[2]]
    first, info, second, refs, snapshot, third = scene.client(version).do(*jobs)
    commit = first["commit"]
    for result, path in zip((first, second, third), three_files(0), strict=True):
        expect_file(result, repo, commit, path)
    expect_snapshot(snapshot, repo, commit)
    assert (info["sha"], refs["branches"]["main"]) == (commit, commit) and repo.head != commit
