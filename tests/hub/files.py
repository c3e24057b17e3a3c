"""File routes of the Hub origin: `resolve`, `raw` and the cache that small files are sent to.

Three shapes, as recorded from the real Hub: a small public file redirects to `resolve-cache`, an
LFS file to a signed CDN URL, and what is private, gated, canonical or empty is answered here.
"""
import gzip
import mimetypes
import urllib.parse

from .access import no_entry, no_revision
from .content import Bytes
from .ranges import conditional, ranged
from .repos import Commit, Entry, Repo
from .wire import Reply, Request, document, text

TEXT = (".json", ".txt", ".md", ".py", ".csv", ".jsonl", ".yaml", ".yml", ".gitattributes", ".html")
XET_INFO = "application/vnd.xet-fileinfo+json"
CAS = "/cas"


def find_entry(repo: Repo, revision: str, path: str) -> tuple[Commit, Entry]:
    commit = repo.find(revision)
    if commit is None:
        raise no_revision(revision)
    entry = commit.entries.get(path)
    if entry is None:
        raise no_entry(commit.sha)
    return commit, entry


def is_text(path: str) -> bool:
    return path.endswith(TEXT)


def content_type(path: str) -> str:
    if is_text(path):
        return "text/plain; charset=utf-8"
    guessed = mimetypes.guess_type(path)[0]
    return guessed if guessed and guessed.startswith("image/") else "application/octet-stream"


def disposition(path: str, download: bool) -> str:
    name = path.rpartition("/")[2]
    plain = name.encode("ascii", "replace").decode().replace('"', "'")
    kind = "attachment" if download else "inline"
    return f"{kind}; filename*=UTF-8''{urllib.parse.quote(name)}; filename=\"{plain}\";"


def resolve(hub, request: Request, repo: Repo, revision: str, path: str) -> Reply:
    commit, entry = find_entry(repo, revision, path)
    if entry.lfs:
        return _to_cdn(hub, request, repo, commit, entry)
    direct = repo.private or repo.gated or "/" not in repo.id or entry.size == 0
    if direct:
        return conditional(request, ranged(request, _file(request, commit, entry)))
    asked = urllib.parse.quote(request.path, safe="")
    etag = urllib.parse.quote(f'"{entry.etag}"')
    place = (f"/api/resolve-cache/{repo.plural}/{repo.id}/{commit.sha}/"
             f"{urllib.parse.quote(entry.path, safe='')}?{asked}=&etag={etag}")
    reply = text(307, f"Temporary Redirect. Redirecting to {place}", Location=place,
                 X_Repo_Commit=commit.sha, Accept_Ranges="bytes")
    return reply


def resolve_cache(request: Request, repo: Repo, sha: str, path: str) -> Reply:
    commit, entry = find_entry(repo, sha, path)
    reply = _file(request, commit, entry).set("X-Hub-Cache", "MISS")
    if is_text(path) and entry.size and _accepts_gzip(request):
        # The CDN before this route compresses text, and then forgets about length and ranges.
        reply.body = Bytes(gzip.compress(entry.content.bytes(), mtime=0))
        reply.framing = "chunked"
        return reply.set("Content-Encoding", "gzip").set("ETag", f'W/"{entry.etag}"')
    return conditional(request, ranged(request, reply))


def raw(request: Request, repo: Repo, revision: str, path: str) -> Reply:
    """The file as git has it: a pointer where the content is in LFS. Never a 304."""
    commit, entry = find_entry(repo, revision, path)
    reply = _file(request, commit, entry)
    reply.body = entry.git_content
    return ranged(request, reply.set("ETag", f'"{entry.oid}"'))


def _file(request: Request, commit: Commit, entry: Entry) -> Reply:
    reply = Reply(200, [("Content-Type", content_type(entry.path))], entry.content)
    reply.set("ETag", f'"{entry.etag}"').set("X-Repo-Commit", commit.sha)
    reply.set("Content-Disposition", disposition(entry.path, "download" in request.params))
    return reply.set("Content-Security-Policy", "default-src 'none'; sandbox")


def _to_cdn(hub, request: Request, repo: Repo, commit: Commit, entry: Entry) -> Reply:
    place = hub.cdn.sign(hub.cdn_url, repo, entry)
    refresh = f"{hub.url}/api/{repo.plural}/{repo.id}/xet-read-token/{commit.sha}"
    rebuild = f"{hub.cdn_url}{CAS}/v1/reconstructions/{entry.content.xet_hash}"
    if hub.xet and XET_INFO in (request.header("accept") or ""):
        info = {"hash": entry.content.xet_hash, "refreshUrl": refresh, "reconstructionUrl": rebuild,
                "etag": f'"{entry.etag}"', "size": entry.size, "contentType": XET_INFO}
        return document(info, X_Repo_Commit=commit.sha).set("Content-Type", XET_INFO)
    reply = text(302, f"Found. Redirecting to {place}", Location=place, Accept_Ranges="bytes",
                 X_Repo_Commit=commit.sha, X_Linked_Size=entry.size,
                 X_Linked_ETag=f'"{entry.etag}"')
    if hub.xet:
        reply.set("X-Xet-Hash", entry.content.xet_hash)
        reply.set("Link", f'<{refresh}>; rel="xet-auth", '
                          f'<{rebuild}>; rel="xet-reconstruction-info"')
    return reply


def _accepts_gzip(request: Request) -> bool:
    codings = (request.header("accept-encoding") or "").split(",")
    return any(it.split(";")[0].strip() in ("gzip", "*") for it in codings)
