"""The CDN origin: content by signed, expiring URL, and nothing else.

It is a foreign host to the Hub: a request that brings a credential is refused and stays in the
ledger as a leak. Its ETag is the Xet hash, as on the real one, so it proves nothing about SHA-256.
"""
import base64
import hashlib
import hmac
import json
import time
import urllib.parse

from .content import Content
from .ledger import CREDENTIALS
from .ranges import conditional, ranged
from .repos import Entry, Repo
from .wire import Reply, Request, text

PREFIX = "/xet-bridge-us/"


class Cdn:
    def __init__(self):
        self.ttl = 3600.0
        self.weak_etag = False
        self.most_bytes = None      # of one answer; the real one sends 50 GB
        self._key = hashlib.sha256(b"cdn signing key").digest()
        self._contents: dict[str, Content] = {}

    def sign(self, base: str, repo: Repo, entry: Entry) -> str:
        """The URL that the Hub's 302 points at."""
        path = f"{PREFIX}{repo.internal_id}/{entry.content.sha256}"
        self._contents[path] = entry.content
        expires = time.time() + self.ttl
        resource = {"Resource": path, "DateLessThan": expires}
        policy = base64.urlsafe_b64encode(json.dumps(resource).encode()).decode()
        name = entry.path.rpartition("/")[2]
        disposition = f"inline; filename*=UTF-8''{urllib.parse.quote(name)};"
        query = urllib.parse.urlencode({
            "response-content-disposition": disposition, "Expires": f"{expires:.3f}",
            "Policy": policy, "Signature": self._mac(path, f"{expires:.3f}"),
            "Key-Pair-Id": "K0STANDIN"})
        return f"{base}{path}?{query}"

    def answer(self, request: Request) -> Reply:
        if any(name in request.headers for name in CREDENTIALS):
            return _error(400, "InvalidArgument", "Only one auth mechanism allowed")
        if request.method not in ("GET", "HEAD"):
            return _error(405, "MethodNotAllowed", "The method is not allowed")
        found = self._contents.get(request.path)
        expires = request.param("Expires", "0")
        signed = hmac.compare_digest(request.param("Signature"), self._mac(request.path, expires))
        if not found or not signed:
            return _error(403, "SignatureDoesNotMatch", "The signature is not valid")
        if time.time() >= float(expires):
            return _error(403, "AccessDenied", "Request has expired")
        reply = Reply(200, [("Content-Type", "binary/octet-stream")], found)
        reply.set("ETag", ("W/" if self.weak_etag else "") + f'"{found.xet_hash}"')
        reply.set("Content-Disposition", request.param("response-content-disposition"))
        reply.set("Access-Control-Allow-Origin", "*").set("X-Cache", "Hit from cloudfront")
        reply.set("Via", "1.1 edge.cloudfront.net (CloudFront)")
        reply.set("Cache-Control", "public, max-age=31536000")
        reply = conditional(request, ranged(request, reply))
        too_large = self.most_bytes is not None and reply.body_size > self.most_bytes
        return _error(400, "EntityTooLarge", "Ask for ranges") if too_large else reply

    def _mac(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path} {expires}".encode(), "sha256").hexdigest()


def _error(status: int, code: str, message: str) -> Reply:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return text(status, body, "application/xml")
