"""What users of huggingface_hub see when something is wrong: the exceptions of the real Hub.

Two kinds that must never be mixed up: the Hub said no (the exception says what is missing), and
nobody could be asked (LocalEntryNotFoundError, quickly, and without the marker by which
huggingface_hub would for ever take the file for one that does not exist).
"""
import pytest

from clients.support import VERSIONS, expect_file, expect_snapshot
from hub import Generated

QUICK = 3.0
NO_SUCH_COMMIT = "0123456789" * 4
ENTRY_ERRORS = ("EntryNotFoundError", "RemoteEntryNotFoundError")


def file(repo_id, filename="config.json", **more):
    return {"call": "file", "repo_id": repo_id, "filename": filename, **more}


def names(results):
    return [it["error"][0] if "error" in it else "no error" for it in results]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_hub_refuses(scene, version):
    files = {"config.json": b"{}", "model.bin": Generated(20_000, "m")}
    scene.hub.add_repo("model", "org/open", files)
    scene.hub.add_repo("model", "org/gated", files, gated="auto")
    scene.hub.add_repo("model", "org/private", files, private=True)
    jobs = [file("org/nowhere"), file("nowhere"), file("org/private"),
            {"call": "info", "repo_id": "org/nowhere", "repo_type": "dataset"},
            {"call": "snapshot", "repo_id": "org/nowhere", "repo_type": "space"},
            file("org/open", revision="no-such-branch"), file("org/open", revision=NO_SUCH_COMMIT),
            {"call": "snapshot", "repo_id": "org/open", "revision": "no-such-branch"},
            file("org/gated"), file("org/gated", "model.bin")]
    expected = 5 * ["RepositoryNotFoundError"] + 3 * ["RevisionNotFoundError"]
    expected += 2 * ["GatedRepoError"]
    missing = [file("org/open", "missing.json"), file("org/open", "no/such/dir.bin")]
    for _ in range(2):
        client = scene.client(version)
        results = client.do(*jobs, *missing)
        assert names(results[:-2]) == expected
        assert all(it in ENTRY_ERRORS for it in names(results[-2:]))
        # As with the real Hub: an answer of "no such file" is remembered with its commit.
        assert {it.name for it in client.markers()} >= {"missing.json"}
        assert "Access to model org/gated is restricted" in results[8]["message"]


@pytest.mark.parametrize("version", VERSIONS)
def test_service_token_opens_what_it_may(scene, version):
    repo = scene.hub.add_repo("model", "org/gated", {"config.json": b"{}", "w.bin": b"w" * 20_000},
                              gated="manual")
    token = "hf_" + "s" * 34
    scene.hub.add_token(token, [repo])
    scene.start(env={"HF_TOKEN": token})
    expect_snapshot(scene.client(version).do({"call": "snapshot", "repo_id": repo.id})[0], repo)


@pytest.mark.parametrize("version", VERSIONS)
def test_client_token_is_asked_for_when_there_is_no_other(scene, version):
    """Private content goes to who proved the right to it, also from the cache."""
    files = {"config.json": b"{}", "w.bin": b"w" * 20_000}
    repo = scene.hub.add_repo("model", "org/private", files, private=True)
    token = "hf_" + "c" * 34
    scene.hub.add_token(token, [repo])
    job = {"call": "snapshot", "repo_id": repo.id}
    for _ in range(2):
        expect_snapshot(scene.client(version, HF_TOKEN=token).do(job)[0], repo)
        refused = scene.client(version).do(job, file(repo.id))
        assert names(refused) == 2 * ["RepositoryNotFoundError"]


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_cached_and_the_hub_down(scene, version):
    """Each kind of gap: repo, revision, file and blob that the daemon has never had."""
    files = {"config.json": b"{}", "large.bin": Generated(50_000, "l"), "other.txt": b"other"}
    repo = scene.hub.add_repo("model", "org/half", files)
    repo.branch("unseen")
    first = scene.client(version)
    expect_file(first.do(file(repo.id))[0], repo, "main", "config.json")
    scene.go_offline()
    client = scene.client(version)
    jobs = [file("org/never"), file("org/never", revision=NO_SUCH_COMMIT),
            file(repo.id, revision="unseen"), file(repo.id, "large.bin"),
            file(repo.id, "other.txt", revision=repo.head), file(repo.id, "never-asked.txt"),
            {"call": "snapshot", "repo_id": "org/never"}]
    results = client.do(*jobs, file(repo.id))
    assert names(results[:-1]) == len(jobs) * ["LocalEntryNotFoundError"]
    expect_file(results[-1], repo, "main", "config.json")
    assert client.markers() == []
    slow = [(it, result["seconds"]) for it, result in zip(jobs, results)
            if result["seconds"] > QUICK]
    assert slow == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_has_the_file_keeps_it_when_nobody_can_be_asked(scene, version):
    repo = scene.hub.add_repo("model", "org/kept", {"config.json": b"{}"})
    client = scene.client(version)
    expect_file(client.do(file(repo.id))[0], repo, "main", "config.json")
    scene.hub.down()
    scene.daemon.stop()
    # Another daemon, which has never seen the file.
    client.environment["HF_ENDPOINT"] = scene.start().url
    result = client.do(file(repo.id))[0]
    expect_file(result, repo, "main", "config.json")
    assert result["seconds"] < QUICK
    assert client.markers() == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("status", (500, 503, 429))
def test_a_hub_in_trouble_is_like_a_hub_that_is_gone(scene, version, status):
    repo = scene.hub.add_repo("model", "org/known", {"config.json": b"{}"})
    scene.start(revisions_ttl="0s")
    expect_file(scene.client(version).do(file(repo.id))[0], repo, "main", "config.json")
    scene.hub.fault(kind="status", origin="hub", code=status, times=None)
    jobs = [file(repo.id)]
    if status != 429:  # What is not known has to wait for the quota, in the client if it likes.
        jobs.append(file("org/unknown"))
    client = scene.client(version)
    known, *unknown = client.do(*jobs)
    expect_file(known, repo, "main", "config.json")
    assert all(it == "LocalEntryNotFoundError" for it in names(unknown))
    assert max(it["seconds"] for it in [known, *unknown]) < QUICK
    assert client.markers() == []
