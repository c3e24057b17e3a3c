"""What clients see after something was taken away or rewritten at the Hub: the table of README.md.

Within the ttl the branch is what it was, and nobody asks. After it the Hub's word counts for every
moving revision, while what a commit held is still served to whoever names the commit.
"""
import dataclasses
from collections.abc import Callable

import pytest

from fault.support import all_published, ask, expect_file, file_path
from hub import Generated

FILES = {"a.bin": Generated(50_000, "a"), "b.bin": Generated(50_000, "b"), "sub/c.json": b"{}"}
NEW = Generated(50_000, "new")
GONE, LOST, SHUT = "RevisionNotFound", "RepoNotFound", "GatedRepo"
DISABLED = "Access to this resource is disabled."


@dataclasses.dataclass
class Event:
    happen: Callable
    word: str | None            # what the Hub says of the branch from now on; None: a commit
    listings: bool = False      # whether it still tells everybody what is in the repo
    commit_lives: bool = True   # whether the Hub still has what nobody has read yet


EVENTS = {
    "moved": Event(lambda hub, repo: repo.commit({"a.bin": NEW}), None, True),
    "rewritten": Event(lambda hub, repo: repo.force_push({"a.bin": NEW}), None, True, False),
    "branch deleted": Event(lambda hub, repo: repo.delete_branch("main"), GONE),
    "branch renamed": Event(lambda hub, repo: repo.rename_branch("main", "next"), GONE),
    "repo renamed": Event(lambda hub, repo: hub.rename(repo, "other/name"), None, True),
    "repo deleted": Event(lambda hub, repo: hub.delete_repo(repo), LOST, False, False),
    "made private": Event(lambda hub, repo: setattr(repo, "private", True), LOST, False, False),
    "gated": Event(lambda hub, repo: setattr(repo, "gated", "manual"), SHUT, True, False),
    "disabled": Event(lambda hub, repo: setattr(repo, "disabled", True), DISABLED, True, False),
}
EVERY_EVENT = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)


@pytest.fixture
def repo(hub):
    repo = hub.add_repo("model", "org/name", FILES)
    repo.commit({"d.json": b"second"})
    return repo


def listings(repo, revision="main") -> list[str]:
    api = f"/api/models/{repo.id}"
    return [f"{api}/revision/{revision}", f"{api}/tree/{revision}",
            f"{api}/tree/{revision}/sub?recursive=true"]


def read_some(daemon, repo) -> list[tuple[str, str]]:
    """Reads a file and the listings by branch and by commit; the questions by commit come back."""
    for path in listings(repo):
        assert ask(daemon, path).status == 200
    questions = [("HEAD", file_path(repo, "a.bin", repo.head)),
                 ("GET", file_path(repo, "a.bin", repo.head))]
    questions += [("GET", it) for it in listings(repo, repo.head)]
    for method, path in [("GET", file_path(repo, "a.bin")), *questions]:
        assert ask(daemon, path, method).status == 200
    all_published(daemon, [FILES["a.bin"].sha256])
    return questions


def expect_word(answer, word: str) -> None:
    said = answer.header("x-error-code") or answer.header("x-error-message")
    assert answer.status in (401, 403, 404) and said == word, answer
    assert answer.header("x-repo-commit") is None and answer.header("etag") is None, answer


@EVERY_EVENT
def test_within_the_ttl_nothing_has_happened(hub, hubkeep, repo, event):
    daemon = hubkeep(hub, revisions_ttl="1h")
    questions = read_some(daemon, repo)
    before, name = repo.head, repo.id
    moving = [("GET", it) for it in listings(repo)]
    moving += [(method, file_path(repo, "a.bin")) for method in ("HEAD", "GET")]
    event.happen(hub, repo)
    hub.reset_counts()
    for method, path in moving + questions:
        answer = ask(daemon, path, method)
        assert (answer.status, answer.header("x-repo-commit")) == (200, before), f"{path}: {answer}"
        assert answer.warning is None
    assert hub.requests == [], f"something about {name} was asked"


@EVERY_EVENT
def test_after_the_ttl_the_branch_is_what_the_hub_says(hub, hubkeep, repo, event):
    daemon = hubkeep(hub, revisions_ttl="0s")
    read_some(daemon, repo)
    files = [(method, file_path(repo, path)) for method in ("HEAD", "GET")
             for path in ("a.bin", "b.bin")]
    lists = [("GET", it) for it in listings(repo)]
    event.happen(hub, repo)
    for method, path in files + lists:
        answer = ask(daemon, path, method)
        if event.word is None or (event.listings and (method, path) in lists):
            assert answer.status == 200 and answer.warning is None, f"{path}: {answer}"
            assert answer.header("x-repo-commit") == repo.head, f"{path}: {answer}"
        else:
            expect_word(answer, event.word)


@EVERY_EVENT
def test_a_commit_that_was_read_stays(hub, hubkeep, repo, event):
    daemon = hubkeep(hub, revisions_ttl="0s")
    questions = read_some(daemon, repo)
    moving, unread = file_path(repo, "a.bin"), file_path(repo, "b.bin", repo.head)
    before = repo.head
    event.happen(hub, repo)
    ask(daemon, moving)     # the daemon has heard of it
    hub.reset_counts()
    for method, path in questions:
        answer = ask(daemon, path, method)
        assert (answer.status, answer.header("x-repo-commit")) == (200, before), f"{path}: {answer}"
        if method == "GET" and path.endswith("a.bin"):
            expect_file(answer, FILES["a.bin"])
    assert hub.requests == []
    # What nobody has read is the Hub's to give.
    answer = ask(daemon, unread)
    if event.commit_lives:
        expect_file(answer, FILES["b.bin"])
    else:
        expect_word(answer, event.word or GONE)


@EVERY_EVENT
def test_with_the_hub_gone_as_well(hub, hubkeep, repo, event):
    """Commits stay; what is known to be taken away does not come back."""
    daemon = hubkeep(hub, revisions_ttl="0s")
    questions = read_some(daemon, repo)
    moving, before = file_path(repo, "a.bin"), repo.head
    event.happen(hub, repo)
    heard = ask(daemon, moving)
    hub.down()
    for restarted in (False, True):
        if restarted:
            daemon.restart()
        for method, path in questions:
            answer = ask(daemon, path, method)
            assert (answer.status, answer.header("x-repo-commit")) == (200, before), path
        answer = ask(daemon, moving)
        if event.word is None:
            assert answer.status == 200 and answer.warning, answer
            assert answer.header("x-repo-commit") == heard.header("x-repo-commit")
        else:
            assert answer.failed, f"what was taken away came back: {answer}"


@pytest.mark.parametrize("known", ("files", "listings"))
def test_a_commit_that_is_gone_sends_its_branch_back_to_the_hub(hub, hubkeep, repo, known):
    """Long before the ttl: what is known of the branch is worthless, so it costs one more round."""
    daemon = hubkeep(hub, revisions_ttl="1h")
    assert ask(daemon, file_path(repo, "a.bin")).header("x-repo-commit") == repo.head
    if known == "listings":
        for path in listings(repo):
            assert ask(daemon, path).status == 200
    alive = repo.force_push({"a.bin": NEW})
    answer = ask(daemon, file_path(repo, "b.bin"))
    expect_file(answer, FILES["b.bin"])
    for answer in (answer, ask(daemon, file_path(repo, "a.bin")),
                   *(ask(daemon, path) for path in listings(repo))):
        assert (answer.status, answer.header("x-repo-commit")) == (200, alive), answer


@pytest.mark.parametrize("event", ("made private", "gated", "disabled", "repo deleted"))
def test_what_comes_back_is_served_again(hub, hubkeep, repo, event):
    daemon = hubkeep(hub, revisions_ttl="0s")
    read_some(daemon, repo)
    EVENTS[event].happen(hub, repo)
    expect_word(ask(daemon, file_path(repo, "b.bin")), EVENTS[event].word)
    if event == "repo deleted":
        repo = hub.add_repo("model", repo.id, FILES | {"a.bin": NEW})
    repo.private = repo.gated = repo.disabled = False
    content = NEW if event == "repo deleted" else FILES["a.bin"]
    answer = ask(daemon, file_path(repo, "a.bin"))
    expect_file(answer, content)
    assert answer.header("x-repo-commit") == repo.head
