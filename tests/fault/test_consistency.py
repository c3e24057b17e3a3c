"""Whatever is asked, and whenever the branch moves: one revision is one commit.

The stand-in Hub moves `main` before each answer it gives, so no two of its answers agree, and every
commit changes every file, so that what an answer holds tells which commit it was made of.
"""
import json
import urllib.parse

import pytest

from fault.support import Answer, ask, file_path, together
from hub import Generated

PATHS = ("a.bin", "c.json", "sub/d.txt")


class Moving:
    """A repo whose main branch moves; `head` is the commit that an answer may be of."""

    def __init__(self, hub, name: str):
        self._name, self._turn = name, 0
        self.repo = hub.add_repo("model", name, self._files())
        hub.event(self.move, f"/{name}(/|$)", at=None)

    def _files(self) -> dict:
        self._turn += 1
        text = f"{self._name} {self._turn:06}"
        return {"a.bin": Generated(20_000, text), "c.json": text, "sub/d.txt": text + " below"}

    def move(self) -> None:
        self.repo.commit(self._files())

    def commit_with(self, path: str, trait: str, value) -> str:
        """The commit in which the entry of `path` has this digest, size or content."""
        found = [sha for sha, commit in self.repo.commits.items()
                 if getattr(commit.entries[path], trait) == value]
        assert len(found) == 1, f"{path} has {trait} {value} in {len(found)} commits"
        return found[0]


def _file(path, method):
    def question(daemon, moving) -> set[str]:
        answer = ask(daemon, file_path(moving.repo, path), method)
        assert answer.status == 200, answer
        etag = answer.header("etag").strip('"')
        commits = {answer.header("x-repo-commit"), moving.commit_with(path, "etag", etag)}
        if method == "GET":
            entry = moving.repo.commits[answer.header("x-repo-commit")].entries[path]
            assert answer.body == entry.content.bytes()
        return commits
    return question


def _missing(daemon, moving) -> set[str]:
    answer = ask(daemon, file_path(moving.repo, "missing.txt"), "HEAD")
    assert (answer.status, answer.header("x-error-code")) == (404, "EntryNotFound"), answer
    return {answer.header("x-repo-commit")}


def _raw(daemon, moving) -> set[str]:
    answer = ask(daemon, file_path(moving.repo, "c.json", word="raw"))
    assert answer.status == 200, answer
    content = {commit.entries["c.json"].content.bytes(): sha
               for sha, commit in moving.repo.commits.items()}
    return {answer.header("x-repo-commit"), content[answer.body]}


def _api(path: str, commits_of, method="GET", **options):
    def question(daemon, moving) -> set[str]:
        answer = ask(daemon, f"/api/models/{moving.repo.id}{path}", method, **options)
        assert answer.status == 200 and answer.complete, answer
        named = commits_of(answer, moving)
        if answer.header("x-repo-commit"):
            named.add(answer.header("x-repo-commit"))
        return named
    return question


def _of_info(answer: Answer, moving) -> set[str]:
    info = answer.json()
    named = {info["sha"]}
    for it in info.get("siblings", []):
        if "blobId" in it:
            named.add(moving.commit_with(it["rfilename"], "oid", it["blobId"]))
    return named


def _of_rows(answer: Answer, moving) -> set[str]:
    files = [it for it in answer.json() if it["type"] == "file"]
    assert files
    named = {moving.commit_with(it["path"], "oid", it["oid"]) for it in files}
    return named | {it["lastCommit"]["id"] for it in files if "lastCommit" in it}


def _of_refs(answer: Answer, moving) -> set[str]:
    return {it["targetCommit"] for it in answer.json()["branches"] if it["name"] == "main"}


FORM = urllib.parse.urlencode([("paths", it) for it in PATHS])
QUESTIONS = {
    "head": _file("a.bin", "HEAD"), "head of a small file": _file("c.json", "HEAD"),
    "file": _file("a.bin", "GET"), "small file": _file("sub/d.txt", "GET"),
    "missing file": _missing, "raw": _raw,
    "info": _api("", _of_info), "revision": _api("/revision/main", _of_info),
    "blobs": _api("/revision/main?blobs=true", _of_info),
    "expanded info": _api("?expand=sha&expand=siblings", _of_info),
    "refs": _api("/refs", _of_refs), "refs with pull requests": _api("/refs?include_prs=1",
                                                                     _of_refs),
    "tree": _api("/tree/main?recursive=true", _of_rows),
    "folder": _api("/tree/main/sub", _of_rows),
    "expanded tree": _api("/tree/main?recursive=true&expand=true", _of_rows),
    "paths": _api("/paths-info/main", _of_rows, "POST",
                  body=json.dumps({"paths": PATHS, "expand": False}),
                  content_type="application/json"),
    "form of paths": _api("/paths-info/main", _of_rows, "POST", body=FORM,
                          content_type="application/x-www-form-urlencoded"),
}


def rotations():
    names = list(QUESTIONS)
    return [names[at:] + names[:at] for at in range(len(names))]


def test_within_a_ttl_every_answer_is_of_one_commit(hub, hubkeep):
    """In turn each question is the first, and so decides for all that follow."""
    daemon = hubkeep(hub, revisions_ttl="1h")
    for order in rotations():
        moving = Moving(hub, f"org/after-{order[0].replace(' ', '-')}")
        named = {name: QUESTIONS[name](daemon, moving) for name in order}
        assert len(moving.repo.commits) > 1, "the branch did not move"
        commits = set().union(*named.values())
        assert len(commits) == 1, f"after {order[0]}: " + disagreement(named)


def test_without_a_ttl_each_answer_is_of_one_commit(hub, hubkeep):
    daemon = hubkeep(hub, revisions_ttl="0s")
    moving = Moving(hub, "org/always-asked")
    for _ in range(2):
        for name, question in QUESTIONS.items():
            commits = question(daemon, moving)
            assert len(commits) == 1, f"{name} mixes {len(commits)} commits"


def test_questions_that_come_at_once_get_one_commit(hub, hubkeep):
    daemon = hubkeep(hub, revisions_ttl="1h")
    for turn in range(5):
        moving = Moving(hub, f"org/at-once-{turn}")
        answers = together(lambda name: QUESTIONS[name](daemon, moving), QUESTIONS)
        named = dict(zip(QUESTIONS, answers, strict=True))
        assert len(set().union(*answers)) == 1, disagreement(named)


def disagreement(named: dict[str, set[str]]) -> str:
    return ", ".join(f"{name}: {' and '.join(sorted(it[:8] for it in commits))}"
                     for name, commits in named.items())
