"""Clients that fetch over Xet, of six ages: hubkeep is the whole of Xet for them.

Most of them live behind a wall (wall.py): of all addresses in the world theirs is hubkeep's. What
each asks is theirs; the file, its digest and how often it crosses the WAN are what is compared.
"""
import concurrent.futures
import contextlib
import hashlib
import subprocess
from pathlib import Path

import pytest

from clients import test_js as js
from clients.support import (RUST_XET, TIMEOUT, XET_VERSIONS, environment, expect_file,
                             expect_snapshot, lfs_bytes, sha256, wait_until)
from fault.support import noted_partials
from hub import Generated

MIB = 1 << 20
TERM = 8 * MIB
GIT = {"config.json": b'{"model_type": "stand-in"}\n', "empty.txt": b""}
LARGE = {"one.bin": b"x", "over.bin": Generated(TERM + 1, "over"),
         "several.bin": Generated(2 * TERM + 300_000, "several")}
# Where each age of hf_xet asks what a file is made of.
QUESTIONS = {"hf-0.30": "/-/xet/reconstruction/", "hf-0.34": "/-/xet/reconstruction/",
             "hf-0.36": "/-/xet/reconstructions/", "hf-1.10": "/-/xet/v1/reconstructions/",
             "hf-1.21": "/-/xet/v2/reconstructions/", "hf-newest": "/-/xet/v2/reconstructions/"}
# hf_xet 1.0 gives up when an answer is cut; all others ask again.
GIVES_UP = ("hf-0.30",)
PLAIN = {"HF_HUB_DISABLE_XET": "1"}
TOO_LARGE = "too large to be downloaded using the regular download method"


def file_job(repo, path: str, **more) -> dict:
    return {"call": "file", "repo_id": repo.id, "filename": path, **more}


def targets(asker, method: str, part: str) -> list[str]:
    return [target for how, target in asker.asked if how == method and part in target]


def expect_xet(asker, repo, paths) -> None:
    for path in paths:
        xet_hash = repo.find("main").entries[path].content.xet_hash
        assert [it for it in targets(asker, "GET", xet_hash) if "reconstruction" in it], path
        assert targets(asker, "GET", f"/xorbs/default/{xet_hash[:56]}"), path


def expect_nothing_plain(asker, paths) -> None:
    fetched = [it.rpartition("/")[2] for it in targets(asker, "GET", "/resolve/")]
    assert [it for it in paths if it in fetched] == []


def expect_one_copy(scene, repo) -> None:
    assert lfs_bytes(repo) <= scene.hub.bytes_sent("cdn") <= 1.02 * lfs_bytes(repo)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def noted_bytes(daemon) -> int:
    return sum(present for present, _ in noted_partials(daemon))


@contextlib.contextmanager
def running(*work):
    """Each in a thread; their results when all are done."""
    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        yield [pool.submit(it) for it in work]


@pytest.mark.parametrize("version", XET_VERSIONS)
def test_cold_warm_and_offline(scene, version):
    repo = scene.hub.add_repo("model", "org/xet", GIT | LARGE)
    scene.start(xet="serve")
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        client = scene.walled(version)
        jobs = [file_job(repo, path, cache_dir=str(client.home / "other")) for path in GIT | LARGE]
        snapshot, *files = client.do({"call": "snapshot", "repo_id": repo.id}, *jobs)
        expect_snapshot(snapshot, repo)
        for path, result in zip(GIT | LARGE, files, strict=True):
            expect_file(result, repo, "main", path)
        expect_xet(client, repo, LARGE)
        expect_nothing_plain(client, LARGE)
        asked = {target.partition("?")[0].rpartition("/")[0] + "/"
                 for target in targets(client, "GET", "reconstruction")}
        assert asked == {QUESTIONS[version]}, stage
        if stage == "cold":
            expect_one_copy(scene, repo)
        else:
            assert scene.hub.requests == [], stage
        scene.hub.reset_counts()


@pytest.mark.parametrize("version", XET_VERSIONS)
def test_a_kill_in_the_middle(scene, version):
    content = Generated(40 * MIB, "killed")
    repo = scene.hub.add_repo("model", "org/killed", {"model.bin": content})
    daemon = scene.start(xet="serve")
    client, job = scene.walled(version), file_job(repo, "model.bin")
    scene.hub.cdn_rate = 20 * MIB
    with running(lambda: client.do(job)[0]) as (done,):
        wait_until(lambda: noted_bytes(daemon) >= 16 * MIB, 60, "a part to be noted down")
        daemon.kill()
        noted = noted_bytes(daemon)
        scene.hub.cdn_rate = None
        scene.hub.reset_counts()
        daemon.restart()
    result = done.result()
    if version in GIVES_UP:
        assert "error" in result
        result = client.do(job)[0]
    expect_file(result, repo, "main", "model.bin")
    expect_xet(client, repo, ["model.bin"])
    expect_nothing_plain(client, ["model.bin"])
    assert noted < content.size, "it was killed too late"
    assert scene.hub.bytes_sent("cdn") <= content.size - noted + MIB


@pytest.mark.parametrize("other", ("plain", "hf-0.36"))
def test_users_of_one_cold_file_cause_one_transfer(scene, other):
    content = Generated(30 * MIB, "wanted")
    repo = scene.hub.add_repo("model", "org/wanted", {"model.bin": content})
    scene.start(xet="serve")
    job = file_job(repo, "model.bin")
    first = scene.walled("hf-newest")
    second = scene.walled("hf-newest", **PLAIN) if other == "plain" else scene.walled(other)
    part = "/resolve/" if other == "plain" else "/xorbs/"
    with running(lambda: first.do(job)[0], lambda: second.do(job)[0]) as results:
        with scene.hub.gate(content.sha256, origin="cdn", at=MIB):
            wait_until(lambda: targets(first, "GET", "/xorbs/") and targets(second, "GET", part),
                       60, "both to wait for the file")
    for result in results:
        expect_file(result.result(), repo, "main", "model.bin")
    expect_xet(first, repo, ["model.bin"])
    expect_one_copy(scene, repo)


SPOILED = {f"{size}-{at}.bin": (Generated(size, f"{size} {at}"), at)
           for size in (3 * MIB, TERM + 3 * MIB) for at in (0, size // 2, size - 1)}


@pytest.mark.parametrize("version", XET_VERSIONS)
def test_wrong_bytes_never_become_a_file(scene, version):
    """No client computes a digest, and most ask again for the one term whose answer was cut: what
    came before it may be wrong, so hubkeep takes back all that it told them of the file."""
    repo = scene.hub.add_repo("model", "org/spoiled", {path: it for path, (it, _) in
                                                      SPOILED.items()})
    faults = [scene.hub.fault(content.sha256, "wrong_byte", origin="cdn", at=at, times=1)
              for content, at in SPOILED.values()]
    daemon = scene.start(xet="serve")
    jobs = [file_job(repo, path) for path in SPOILED]
    # hf_xet 1.4 may crash at its end when something went wrong before.
    client = scene.walled(version)
    results = client.do(*jobs, at_once=len(jobs), may_crash=True)
    assert all(it.used for it in faults)
    for path, result in zip(SPOILED, results, strict=True):
        if "error" not in result:
            expect_file(result, repo, "main", path)
    wait_until(lambda: daemon.log().count("wrong bytes from the Hub") == len(SPOILED), 60,
               "all wrong bytes to be noticed")
    # In the same home: hf_xet 1.0 and 1.1 keep xorbs there.
    for path, result in zip(SPOILED, client.do(*jobs), strict=True):
        expect_file(result, repo, "main", path)


@pytest.mark.parametrize(("version", "connections"), (("hf-0.34", "8"), ("hf-newest", "1")))
def test_a_file_too_large_for_plain_http(scene, version, connections):
    """The Hub's clients fetch more than 50 GB over Xet only, and its CDN sends no such answer: here
    both limits are a little less than the file."""
    content = Generated(30 * MIB, "too large")
    repo = scene.hub.add_repo("model", "org/huge", {"model.bin": content})
    scene.hub.cdn.most_bytes = content.size - 1
    scene.start(xet="serve", upstream_connections_per_file=connections)
    jobs = [{"call": "limit", "size": content.size - 1}, file_job(repo, "model.bin")]
    assert TOO_LARGE in scene.client(version, **PLAIN).do(*jobs)[1]["message"]
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        client = scene.walled(version)
        expect_file(client.do(*jobs)[1], repo, "main", "model.bin")
        expect_xet(client, repo, ["model.bin"])


@pytest.mark.parametrize("setting", ({"xet": "strip"}, {"xet_rules": "org/old-*=strip"}))
def test_who_is_told_nothing_of_xet_fetches_plainly(scene, setting):
    repo = scene.hub.add_repo("model", "org/old-model", GIT | {"over.bin": LARGE["over.bin"]})
    other = scene.hub.add_repo("model", "org/model", GIT | {"one.bin": LARGE["one.bin"]})
    scene.start(**setting)
    client = scene.walled("hf-newest")
    results = client.do(*({"call": "snapshot", "repo_id": it.id} for it in (repo, other)))
    for result, it in zip(results, (repo, other), strict=True):
        expect_snapshot(result, it)
    xet_hash = repo.find("main").entries["over.bin"].content.xet_hash
    assert targets(client, "GET", xet_hash) == []
    if "xet_rules" in setting:
        expect_xet(client, other, ["one.bin"])
    else:
        assert targets(client, "GET", "xet") == []


def test_a_listing_that_the_client_has_from_the_hub_itself(scene):
    """It names the Xet hash of each file of a commit that hubkeep has never heard of."""
    repo = scene.hub.add_repo("model", "org/listed", GIT | LARGE)
    home, job = scene.home(), {"call": "snapshot", "repo_id": repo.id, "revision": repo.head}
    before = scene.client("hf-newest", endpoint=scene.hub.url, home=home)
    assert "error" in before.do(job)[0], "the stand-in has no Xet of its own"
    assert [it.stem for it in before.cache.rglob("trees/*.json")] == [repo.head]
    scene.hub.reset_counts()
    scene.start(xet="serve")
    client = scene.walled("hf-newest", home=home)
    expect_snapshot(client.do(job)[0], repo)
    expect_xet(client, repo, LARGE)
    assert targets(client, "GET", "/tree/") == []
    expect_one_copy(scene, repo)


def test_javascript(scene):
    repo = scene.hub.add_repo("model", "org/js", {"config.json": b"{}"} | LARGE)
    scene.start(xet="serve")
    content = LARGE["several.bin"]
    spans = [(0, 10), (100_000, 400_000), (TERM - 5, TERM + 5), (content.size - 9, content.size)]
    about = {"repo": {"type": "model", "name": repo.id}}
    jobs = [{"call": "slice", "path": "several.bin", "start": first, "stop": stop, **about}
            for first, stop in spans]
    expected = [{"size": stop - first, "sha256": digest(content.read(first, stop - first))}
                for first, stop in spans]
    jobs += [{"call": "snapshot", **about}, {"call": "file", "path": "several.bin", **about}]
    expected += [{"files": {path: it.content.sha256 for path, it in
                            repo.find("main").entries.items()}},
                 {"size": content.size, "sha256": content.sha256}]
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        wall = scene.wall()
        found = js.run_jobs(scene.home(), [it | {"hubUrl": scene.daemon.url} for it in jobs],
                            prefix=wall.prefix)
        assert found == expected, stage
        expect_xet(wall, repo, LARGE)
        if stage == "cold":
            expect_one_copy(scene, repo)
        else:
            assert scene.hub.requests == [], stage
        scene.hub.reset_counts()


def test_rust(scene, tmp_path):
    if not RUST_XET.exists():
        pytest.skip("hf-hub 1.0 is not built: tests/run builds it where RUST_XET is set")
    repo = scene.hub.add_repo("model", "org/rust", GIT | LARGE)
    content, span = LARGE["several.bin"], (TERM - 5, TERM + 300_000)
    scene.start(xet="serve")
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        wall = scene.wall()

        def run(*arguments):
            command = [*wall.prefix, RUST_XET, *arguments]
            done = subprocess.run(command, env=environment(tmp_path / stage, scene.daemon.url),
                                  capture_output=True, text=True, timeout=TIMEOUT)
            assert done.returncode == 0, done.stderr
            return Path(done.stdout.strip())

        top = run("snapshot", repo.id)
        found = {str(it.relative_to(top)): sha256(it) for it in top.rglob("*") if it.is_file()}
        assert found == {it.path: it.content.sha256 for it in repo.find("main").entries.values()}
        part = run("stream", repo.id, "several.bin", tmp_path / "part", *map(str, span))
        assert part.read_bytes() == content.read(span[0], span[1] - span[0]), stage
        expect_xet(wall, repo, LARGE)
        expect_nothing_plain(wall, LARGE)
        if stage == "cold":
            expect_one_copy(scene, repo)
        else:
            assert scene.hub.requests == [], stage
        scene.hub.reset_counts()
