"""Who may read what, and the error answers of the Hub, word for word as clients match them.

A `Refusal` is thrown from any depth of a handler and becomes the answer. On API paths the body is
JSON, on file paths plain text. Called by the server's thread only.
"""
import base64

from .repos import Repo
from .wire import Reply, Request, document, text

NO_LOGIN = "Invalid username or password."
BAD_TOKEN = "Invalid credentials in Authorization header"
DISABLED = "Access to this resource is disabled."


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str | None = None, **headers):
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers

    def reply(self, api: bool) -> Reply:
        body = document({"error": self.message}, self.status) if api else text(self.status,
                                                                              self.message)
        if self.code:
            body.set("X-Error-Code", self.code)
        body.set("X-Error-Message", self.message)
        body.set("ETag", f'W/"{body.body.size:x}-{body.body.git_sha1[:27]}"')
        for name, value in self.headers.items():
            body.set(name.replace("_", "-"), value)
        return body


def no_entry(sha: str) -> Refusal:
    return Refusal(404, "Entry not found", "EntryNotFound", X_Repo_Commit=sha)


def no_revision(revision: str) -> Refusal:
    return Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


class Access:
    """The tokens of the stand-in: token -> ids of the repos it may read, or "all"."""

    def __init__(self):
        self._tokens: dict[str, set[str] | str] = {}

    def add(self, token: str, can_read="all") -> None:
        ids = can_read if can_read == "all" else {self._id(it) for it in can_read}
        self._tokens = {**self._tokens, token: ids}

    def revoke(self, token: str) -> None:
        self._tokens = {it: ids for it, ids in self._tokens.items() if it != token}

    @staticmethod
    def _id(repo: Repo | str) -> str:
        return repo.id if isinstance(repo, Repo) else repo

    def token(self, request: Request) -> str | None:
        """The caller's token; a token that is not known is refused, even for public repos."""
        header = request.header("authorization")
        if header is None:
            return None
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value).decode("latin-1").partition(":")[2]
            except ValueError:
                raise Refusal(401, BAD_TOKEN) from None
        if value not in self._tokens:
            raise Refusal(401, BAD_TOKEN)
        return value

    def may_read(self, token: str | None, repo: Repo) -> bool:
        ids = self._tokens.get(token or "", set())
        return ids == "all" or repo.id in ids

    def check_visible(self, token: str | None, repo: Repo | None) -> Repo:
        """A private repo and one that does not exist cannot be told apart."""
        if repo is None or (repo.private and not self.may_read(token, repo)):
            if token is None:
                raise Refusal(401, NO_LOGIN)
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return repo

    def check_content(self, token: str | None, repo: Repo) -> None:
        if repo.disabled:
            raise Refusal(403, DISABLED)
        if not repo.gated or self.may_read(token, repo):
            return
        what = f"Access to {repo.kind} {repo.id} is restricted"
        if token is None:
            raise Refusal(
                401, f"{what}. You must have access to it and be authenticated to access it. "
                "Please log in.", "GatedRepo",
                WWW_Authenticate='Bearer realm="Authentication required", charset="UTF-8"')
        raise Refusal(403, f"{what} and you are not in the authorized list. Visit the page of the "
                      f"{repo.kind} to ask for access.", "GatedRepo")
