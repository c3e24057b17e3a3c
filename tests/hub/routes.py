"""The path grammar of the Hub origin: which handler answers a request, and who may have it.

The path is split before it is decoded, and decoded once: `%2F` belongs to one name, a bare slash
parts two. A repo has one or two segments, found by the word that follows it.
"""
import urllib.parse

from . import files, listings
from .access import Refusal
from .repos import KINDS, Repo
from .wire import Reply, Request, document, text

PLURALS = {kind + "s": kind for kind in KINDS}
FILE_WORDS = ("resolve", "raw", "blob")
API_WORDS = ("revision", "tree", "paths-info", "refs", "commits", "auth-check", "xet-read-token",
             "treesize", "discussions", "parquet", "croissant", "jwt")
FORWARD = ("refs/pr/", "refs/convert/")


def decode(segments: list[str]) -> str:
    return urllib.parse.unquote("/".join(segments), errors="surrogateescape")


def take_revision(segments: list[str]) -> tuple[str, list[str]]:
    """Revision and what follows; `refs/pr/1` may come with bare slashes."""
    if not segments or not segments[0]:
        raise Refusal(404, "Not Found")
    if "/".join(segments[:3]).startswith(FORWARD):
        return "/".join(segments[:3]), segments[3:]
    return decode(segments[:1]), segments[1:]


def answer(hub, request: Request) -> Reply:
    segments = request.path.split("/")[1:]
    api = segments[0] == "api"
    try:
        if any(it in ("..", ".") for it in decode(segments).split("/")) or "\0" in decode(segments):
            raise Refusal(400, "Bad path")
        token = hub.access.token(request)
        if request.method == "POST" and "paths-info" not in segments:
            raise Refusal(403, "The stand-in does not take writes")
        reply = _api(hub, request, segments[1:], token) if api else _files(
            hub, request, segments, token)
    except Refusal as refusal:
        reply = refusal.reply(api)
    return reply


def _files(hub, request: Request, segments: list[str], token) -> Reply:
    if segments == [""]:
        return text(200, "<title>Hub</title>", "text/html; charset=utf-8")
    kind = PLURALS.get(segments[0], "model")
    if kind != "model":
        segments = segments[1:]
    repo, moved, rest = _repo(hub, request, kind, segments, FILE_WORDS, token)
    if moved:
        return moved
    if not rest:
        return text(200, f"<title>{repo.id}</title>", "text/html; charset=utf-8")
    revision, path = take_revision(rest[1:])
    hub.access.check_content(token, repo)
    if rest[0] == "blob":
        return text(200, "<title>page</title>", "text/html; charset=utf-8")
    if rest[0] == "raw":
        return files.raw(request, repo, revision, decode(path))
    return files.resolve(hub, request, repo, revision, decode(path))


def _api(hub, request: Request, segments: list[str], token) -> Reply:
    if segments[0] == "resolve-cache" and len(segments) >= 5:
        kind = PLURALS.get(segments[1], "model")
        repo = hub.access.check_visible(token, hub.repo(kind, decode(segments[2:-2])))
        hub.access.check_content(token, repo)
        return files.resolve_cache(request, repo, segments[-2], decode(segments[-1:]))
    if segments[0] == "whoami-v2":
        return hub.access.whoami(token)
    if segments[0] == "telemetry":
        return Reply(204)
    if segments[0] not in PLURALS:
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")
    kind = PLURALS[segments[0]]
    if len(segments) == 1:
        return listings.search(hub, request, kind)
    repo, moved, rest = _repo(hub, request, kind, segments[1:], API_WORDS, token)
    return moved or _about(hub, request, repo, rest, token)


def _about(hub, request: Request, repo: Repo, rest: list[str], token) -> Reply:
    if not rest:
        return listings.info(hub, request, repo)
    word, rest = rest[0], rest[1:]
    if word == "refs":
        return listings.refs(request, repo)
    if word == "auth-check":
        hub.access.check_content(token, repo)
        return document({})
    if word == "discussions":
        return listings.discussions(hub, repo)
    if word == "parquet":
        hub.access.check_content(token, repo)
        return listings.parquet(hub, repo, [decode([it]) for it in rest])
    if word == "croissant":
        return document({"@type": "sc:Dataset", "name": repo.id}).set(
            "Content-Type", "application/ld+json")
    if word == "jwt":
        return document({"token": f"for {token}"})
    revision, rest = take_revision(rest)
    if word == "revision" and not rest:
        return listings.info(hub, request, repo, revision)
    if word == "tree":
        return listings.tree(hub, request, repo, revision, decode(rest).strip("/"))
    if word == "paths-info" and request.method == "POST":
        return listings.paths_info(hub, request, repo, revision)
    if word == "commits":
        hub.access.check_content(token, repo)
        return listings.commits(hub, request, repo, revision)
    if word == "xet-read-token":
        hub.access.check_content(token, repo)
        return _xet_token(hub)
    raise Refusal(404, "Not Found")


def _repo(hub, request: Request, kind: str, segments: list[str], words, token):
    """(repo, redirect or None, the segments from the word that follows the repo)."""
    at = next((n for n in (1, 2) if n < len(segments) and segments[n] in words), None)
    if at is None:
        if len(segments) > 2:
            raise Refusal(404, "Not Found")
        at = len(segments)
    asked = decode(segments[:at])
    repo = hub.access.check_visible(token, hub.repo(kind, asked))
    if repo.id == asked:
        return repo, None, segments[at:]
    # Renamed, or in the wrong case: relative Location, the query kept.
    before = request.path.removesuffix("/".join(segments))
    place = before + "/".join([urllib.parse.quote(repo.id), *segments[at:]])
    place += "?" + request.query if request.query else ""
    return repo, text(307, f"Temporary Redirect. Redirecting to {place}", Location=place), []


def _xet_token(hub) -> Reply:
    cas, token, expires = hub.cdn_url + files.CAS, "xet_stand_in", 4102444800
    return document({"casUrl": cas, "accessToken": token, "exp": expires}, X_Xet_Cas_Url=cas,
                    X_Xet_Access_Token=token, X_Xet_Token_Expiration=expires)
