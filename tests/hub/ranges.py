"""Ranges and conditions of a file answer (RFC 9110 sections 13 and 14), for both origins."""
import re

from .wire import Reply, Request, text

ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def conditional(request: Request, reply: Reply) -> Reply:
    """A 304 when the client has it already."""
    wanted = request.header("if-none-match")
    if wanted and (wanted == "*" or reply.get("ETag") in re.split(r"\s*,\s*", wanted)):
        kept = [it for it in reply.headers if it[0].lower() != "content-type"]
        return Reply(304, kept)
    return reply


def ranged(request: Request, reply: Reply) -> Reply:
    """Narrows a 200 to the one range asked for; several ranges get the whole file."""
    reply.set("Accept-Ranges", "bytes")
    found = ONE_RANGE.fullmatch(request.header("range") or "")
    condition = request.header("if-range")
    if not found or request.method != "GET" or found.groups() == ("", ""):
        return reply
    if condition is not None and condition != reply.get("ETag"):
        return reply
    size = reply.body.size
    first, last = found.groups()
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    else:
        start, stop = max(0, size - int(last)), size
    if last and first and int(last) < int(first):
        return reply
    if start >= size:
        refused = text(416, "Range Not Satisfiable", Content_Range=f"bytes */{size}")
        for name in ("X-Repo-Commit", "ETag"):
            refused.set(name, reply.get(name))
        return refused
    reply.status, reply.start, reply.stop = 206, start, stop
    return reply.set("Content-Range", f"bytes {start}-{stop - 1}/{size}")
