"""Repositories as the Hub sees them: commits of entries, and refs that point at commits.

Built and changed by the test's thread, read by the server's: every change replaces a whole dict,
so that a reader sees the state before or after it, never between. Object ids are git's own, so a
client that recomputes them (`hf cache verify`) agrees.
"""
import dataclasses
import datetime
import functools
import hashlib
import itertools
from collections.abc import Callable

from .content import Bytes, Content, content, lfs_pointer

KINDS = ("model", "dataset", "space", "kernel")
BINARY = (".bin", ".safetensors", ".parquet", ".gguf", ".onnx", ".pt", ".arrow", ".zip", ".npz")
EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
_ticks = itertools.count()


def default_lfs(path: str, of: Content) -> bool:
    return of.size > 10 * 1024 or (of.size > 0 and path.endswith(BINARY))


def lfs_rule(rule) -> Callable[[str, Content], bool]:
    """A test may give a predicate of (path, content), a size threshold, or nothing."""
    if rule is None:
        return default_lfs
    if isinstance(rule, int) and not isinstance(rule, bool):
        return lambda path, of: of.size > rule
    return rule


@dataclasses.dataclass(frozen=True)
class Entry:
    path: str
    content: Content
    lfs: bool

    @functools.cached_property
    def pointer(self) -> Bytes:
        return Bytes(lfs_pointer(self.content))

    @property
    def git_content(self) -> Content:
        return self.pointer if self.lfs else self.content

    @property
    def oid(self) -> str:
        return self.git_content.git_sha1

    @property
    def etag(self) -> str:
        return self.content.sha256 if self.lfs else self.content.git_sha1

    @property
    def size(self) -> int:
        return self.content.size


def tree_oids(entries: dict[str, Entry]) -> dict[str, str]:
    """Directory -> git tree id; "" is the root."""
    children: dict[str, dict[str, tuple[bytes, str]]] = {"": {}}
    for path, entry in entries.items():
        parent, _, name = path.rpartition("/")
        children.setdefault(parent, {})[name] = (b"100644", entry.oid)
        while parent:
            parent = parent.rpartition("/")[0]
            children.setdefault(parent, {})
    oids: dict[str, str] = {}
    for folder in sorted(children, key=lambda it: -1 if not it else it.count("/"), reverse=True):
        # Git sorts a folder as if its name ended with a slash.
        rows = sorted(children[folder].items(),
                      key=lambda row: row[0].encode() + (b"/" if row[1][0] == b"40000" else b""))
        body = b"".join(mode + b" " + name.encode() + b"\0" + bytes.fromhex(oid)
                        for name, (mode, oid) in rows)
        oids[folder] = hashlib.sha1(b"tree %d\0" % len(body) + body).hexdigest()
        if folder:
            parent, _, name = folder.rpartition("/")
            children[parent][name] = (b"40000", oids[folder])
    return oids


@dataclasses.dataclass(frozen=True)
class Commit:
    sha: str
    parent: "Commit | None"
    message: str
    time: datetime.datetime
    entries: dict[str, Entry]
    folders: dict[str, str]

    @property
    def date(self) -> str:
        return self.time.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @functools.cached_property
    def paths(self) -> list[str]:
        """Files and folders, without the root, in the order of a listing."""
        return sorted(it for it in [*self.entries, *self.folders] if it)

    def history(self):
        commit = self
        while commit:
            yield commit
            commit = commit.parent

    def last_change(self, path: str) -> "Commit":
        """The commit that made `path` (a file or a folder) what it is in this one."""
        def state(commit):
            entry = commit.entries.get(path)
            return entry.oid if entry else commit.folders.get(path)
        found = self
        for commit in self.history():
            if state(commit) != state(self):
                break
            found = commit
        return found


class Repo:
    def __init__(self, kind: str, id: str, lfs=None, private=False, gated=False):
        if kind not in KINDS:
            raise ValueError(f"no such kind of repo: {kind}")
        self.kind = kind
        self.id = id
        self.private = private
        self.gated = gated
        self.disabled = False
        self._is_lfs = lfs_rule(lfs)
        self.commits: dict[str, Commit] = {}
        self.refs: dict[str, str] = {}

    @property
    def plural(self) -> str:
        return self.kind + "s"

    @property
    def prefix(self) -> str:
        return "" if self.kind == "model" else self.plural + "/"

    @property
    def internal_id(self) -> str:
        return hashlib.md5(f"{self.kind}:{self.id}".encode()).hexdigest()[:24]

    @property
    def head(self) -> str:
        return self.refs["refs/heads/main"]

    def commit(self, changes: dict, branch="main", message="Update files") -> str:
        ref = self._ref(branch)
        parent = self.commits.get(self.refs.get(ref) or self.refs.get("refs/heads/main", ""))
        return self._commit(ref, parent, changes, message)

    def force_push(self, changes: dict, branch="main", message="Rewrite history") -> str:
        """Puts a commit in the place of the branch's last one, which nothing can reach any more."""
        ref = self._ref(branch)
        dead = self.commits[self.refs[ref]]
        sha = self._commit(ref, dead.parent, changes, message, entries=dead.entries)
        self.drop_commit(dead.sha)
        return sha

    def _commit(self, ref, parent, changes, message, entries=None) -> str:
        if entries is None:
            entries = parent.entries if parent else {}
        entries = dict(entries)
        for path, value in changes.items():
            entries.pop(path, None)
            if value is not None:
                of = content(value)
                entries[path] = Entry(path, of, self._is_lfs(path, of))
        folders = tree_oids(entries)
        tick = next(_ticks)
        time = EPOCH + datetime.timedelta(seconds=tick)
        text = f"tree {folders['']}\nparent {parent and parent.sha}\n{tick} {message}".encode()
        sha = hashlib.sha1(b"commit %d\0" % len(text) + text).hexdigest()
        commit = Commit(sha, parent, message, time, entries, folders)
        self.commits = {**self.commits, sha: commit}
        self._point(ref, sha)
        return sha

    def branch(self, name: str, sha: str | None = None) -> None:
        self._point(self._ref(name), sha or self.head)

    def tag(self, name: str, sha: str | None = None) -> None:
        self._point("refs/tags/" + name, sha or self.head)

    def delete_branch(self, name: str) -> None:
        self.refs = {ref: sha for ref, sha in self.refs.items() if ref != self._ref(name)}

    def rename_branch(self, old: str, new: str) -> None:
        names = {self._ref(old): self._ref(new)}
        self.refs = {names.get(ref, ref): sha for ref, sha in self.refs.items()}

    def drop_commit(self, sha: str) -> None:
        """As after a force push: nothing can reach the commit any more."""
        self.commits = {it: commit for it, commit in self.commits.items() if it != sha}

    def find(self, revision: str) -> Commit | None:
        refs = self.refs
        for ref in (revision, "refs/heads/" + revision, "refs/tags/" + revision):
            if ref in refs:
                return self.commits.get(refs[ref])
        return self.commits.get(revision)

    def _ref(self, branch: str) -> str:
        return branch if branch.startswith("refs/") else "refs/heads/" + branch

    def _point(self, ref: str, sha: str) -> None:
        self.refs = {**self.refs, ref: sha}
