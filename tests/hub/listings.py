"""JSON routes of the Hub origin about a repo: info, tree, paths-info, refs, commits.

Field sets are the ones clients read (names and nesting as recorded), in git's own order of paths.
"""
import base64
import bisect
import json
import urllib.parse

from . import viewer
from .access import Refusal, no_entry, no_revision
from .ranges import conditional
from .repos import Commit, Entry, Repo
from .wire import Reply, Request, document, text

EXPANDABLE = {"author", "cardData", "config", "createdAt", "disabled", "downloads", "gated",
              "lastModified", "library_name", "likes", "pipeline_tag", "private", "safetensors",
              "sha", "siblings", "spaces", "tags", "xetEnabled"}
EXPANDABLE_OF_SPACES = EXPANDABLE | {"sdk", "subdomain"}
MAX_PATHS = 1000


def _commit(repo: Repo, revision: str) -> Commit:
    commit = repo.find(revision)
    if commit is None:
        raise no_revision(revision)
    return commit


def _lfs(entry: Entry, digest: str) -> dict:
    return {digest: entry.content.sha256, "size": entry.size, "pointerSize": entry.pointer.size}


def info(hub, request: Request, repo: Repo, revision: str = "main") -> Reply:
    commit = _commit(repo, revision)
    siblings = []
    for path, entry in sorted(commit.entries.items()):
        sibling = {"rfilename": path}
        if request.flag("blobs"):
            sibling |= {"blobId": entry.oid, "size": entry.size}
            if entry.lfs:
                sibling["lfs"] = _lfs(entry, "sha256")
        siblings.append(sibling)
    known = {
        "author": repo.id.partition("/")[0] if "/" in repo.id else None,
        "private": repo.private, "gated": repo.gated, "disabled": repo.disabled,
        "sha": commit.sha, "lastModified": commit.date, "createdAt": "2026-01-01T00:00:00.000Z",
        "pipeline_tag": None, "library_name": None, "tags": [], "downloads": 0, "likes": 0,
        "cardData": {}, "config": {}, "spaces": [], "xetEnabled": hub.xet, "siblings": siblings}
    names = {"_id": repo.internal_id, "id": repo.id}
    if repo.kind == "space":
        known |= {"sdk": "static", "subdomain": repo.id.replace("/", "-")}
    if request.flag("securityStatus"):
        known["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    if "expand" in request.params:
        asked = request.params["expand"]
        allowed = EXPANDABLE_OF_SPACES if repo.kind == "space" else EXPANDABLE
        if wrong := [it for it in asked if it not in allowed]:
            raise Refusal(400, f"Invalid value for expand: {wrong[0]}")
        return document(names | {it: known.get(it) for it in asked})
    if repo.kind == "model":
        names["modelId"] = repo.id
    return document(names | known)


def row_of(hub, commit: Commit, path: str, expand: bool) -> dict:
    entry = commit.entries.get(path)
    if entry is None:
        row = {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
    else:
        row = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
        if entry.lfs:
            row["lfs"] = _lfs(entry, "oid")
            if hub.xet:
                row["xetHash"] = entry.content.xet_hash
    if expand:
        last = commit.last_change(path)
        row["lastCommit"] = {"id": last.sha, "title": last.message, "date": last.date}
        if entry is not None:
            scan = {"status": "safe", "message": None, "pickleImports": None}
            row["securityFileStatus"] = {"status": "safe", "avScan": scan,
                                         "pickleImportScan": scan, "jFrogScan": scan,
                                         "protectAiScan": scan, "virusTotalScan": scan}
    return row


def tree(hub, request: Request, repo: Repo, revision: str, folder: str) -> Reply:
    commit = _commit(repo, revision)
    if folder not in commit.folders:
        raise no_entry(commit.sha)
    below = folder + "/" if folder else ""
    deep = request.flag("recursive")
    paths = commit.paths
    if below or not deep:
        paths = [it for it in paths
                 if it.startswith(below) and (deep or "/" not in it[len(below):])]
    if cursor := request.param("cursor"):
        paths = paths[bisect.bisect_right(paths, _read_cursor(cursor)):]
    size = min(hub.tree_page_size, _number(request, "limit", hub.tree_page_size))
    reply = document([row_of(hub, commit, it, request.flag("expand")) for it in paths[:size]])
    if len(paths) > size:
        _link_next(hub, request, reply, {"cursor": cursor_behind(paths[size - 1]), "limit": size})
    return reply.set("X-Repo-Commit", commit.sha)


def paths_info(hub, request: Request, repo: Repo, revision: str) -> Reply:
    commit = _commit(repo, revision)
    if "json" in (request.header("content-type") or ""):
        try:
            asked = json.loads(request.body)
            paths, expand = asked.get("paths", []), asked.get("expand", False)
        except (ValueError, AttributeError):
            raise Refusal(400, "Invalid JSON body") from None
        paths = [paths] if isinstance(paths, str) else paths
    else:
        form = urllib.parse.parse_qs(request.body.decode())
        paths, expand = form.get("paths", []), form.get("expand", [""])[0].lower() == "true"
    if len(paths) > MAX_PATHS:
        raise Refusal(413, "too many parameters")
    known = [it for it in paths if it and (it in commit.entries or it in commit.folders)]
    return document([row_of(hub, commit, it, expand) for it in known])


def refs(request: Request, repo: Repo) -> Reply:
    def rows(start: str):
        return [{"name": ref.removeprefix(start), "ref": ref, "targetCommit": sha}
                for ref, sha in repo.refs.items() if ref.startswith(start)]
    found = {"branches": rows("refs/heads/"), "converts": rows("refs/convert/"),
             "tags": rows("refs/tags/")}
    if request.flag("include_prs"):
        found["pullRequests"] = rows("refs/pr/")
    return document(found)


def commits(hub, request: Request, repo: Repo, revision: str) -> Reply:
    history = list(_commit(repo, revision).history())
    page, size = _number(request, "p", 0), min(1000, _number(request, "limit", 50))
    rows = [{"id": it.sha, "title": it.message, "message": "", "date": it.date,
             "authors": [{"user": "somebody", "avatar": "/avatars/none.svg"}]}
            for it in history[page * size:(page + 1) * size]]
    if "formatted" in request.params.get("expand", []):
        rows = [it | {"formatted": {"title": it["title"], "message": ""}} for it in rows]
    reply = document(rows, X_Total_Count=len(history))
    if len(history) > (page + 1) * size:
        _link_next(hub, request, reply, {"p": page + 1, "limit": size})
    return reply


def discussions(hub, repo: Repo) -> Reply:
    rows = [{"num": 1, "title": f'see "{hub.url}/x"', "status": "open", "isPullRequest": False,
             "author": {"name": "somebody"}, "createdAt": "2026-01-01T00:00:00.000Z",
             "repo": {"name": repo.id, "type": repo.kind},
             "url": f"{hub.url}/{repo.prefix}{repo.id}/discussions/1"}]
    return document({"discussions": rows, "count": 1, "start": 0, "numClosedDiscussions": 0})


def parquet(hub, repo: Repo, rest: list[str]) -> Reply:
    """The converted files of a dataset as addresses, or the way to one of them."""
    found = {}
    for config, split, name in viewer.parquet_files(hub, repo):
        rows = found.setdefault(config, {}).setdefault(split, [])
        rows.append((f"{hub.url}/api/datasets/{repo.id}/parquet/{config}/{split}/{len(rows)}.parquet",
                     f"{hub.url}/datasets/{repo.id}/resolve/refs%2Fconvert%2Fparquet/"
                     f"{config}/{split}/{name}"))
    if not rest:
        return document({config: {split: [it[0] for it in rows] for split, rows in splits.items()}
                         for config, splits in found.items()})
    rows = found.get(rest[0], {}).get(rest[1], []) if len(rest) == 3 else []
    places = [place for address, place in rows if address.endswith("/" + rest[2])]
    if not places:
        raise Refusal(404, "Not Found")
    return text(302, "Found", Location=places[0])


def search(hub, request: Request, kind: str) -> Reply:
    words = request.param("search").lower()
    author = request.param("author")
    ids = sorted(it.id for it in hub.repos() if it.kind == kind and not it.private
                 and words in it.id.lower() and (not author or it.id.startswith(author + "/")))
    if cursor := request.param("cursor"):
        last = _read_cursor(cursor)
        ids = [it for it in ids if it > last]
    size = min(hub.search_page_size, _number(request, "limit", hub.search_page_size))
    reply = document([_summary(hub.repo(kind, it)) for it in ids[:size]])
    if len(ids) > size:
        _link_next(hub, request, reply, {"cursor": cursor_behind(ids[size - 1]), "limit": size})
    reply.set("ETag", f'W/"{reply.body.size:x}-{reply.body.git_sha1[:27]}"')
    return conditional(request, reply)


def _summary(repo: Repo) -> dict:
    summary = {"_id": repo.internal_id, "id": repo.id, "private": False, "likes": 0, "downloads": 0,
               "tags": [], "createdAt": "2026-01-01T00:00:00.000Z"}
    return summary | ({"modelId": repo.id} if repo.kind == "model" else {})


def _number(request: Request, name: str, default: int) -> int:
    value = request.param(name, str(default))
    if not value.isdigit():
        raise Refusal(400, f'"{name}" must be a number')
    return int(value)


def cursor_behind(last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": last}).encode()).decode()


def _read_cursor(cursor: str) -> str:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor))["after"]
    except (ValueError, KeyError):
        raise Refusal(400, "Invalid cursor") from None


def _link_next(hub, request: Request, reply: Reply, changed: dict) -> None:
    """Absolute, on the Hub's own origin, like the real one: a proxy that hands it out is seen."""
    kept = [(name, value) for name, value in urllib.parse.parse_qsl(request.query)
            if name not in changed]
    query = urllib.parse.urlencode(kept + list(changed.items()))
    reply.set("Link", f'<{hub.url}{request.path}?{query}>; rel="next"')
