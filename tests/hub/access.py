"""Who may read what, and the error answers of the Hub, word for word as clients match them.

A `Refusal` is thrown from any depth of a handler and becomes the answer. On API paths the body is
JSON, on file paths plain text. Called by the server's thread only.
"""
import base64
import dataclasses

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


def id_of(repo: Repo | str) -> str:
    return repo.id if isinstance(repo, Repo) else repo


def token_of(authorization: str | None) -> str | None:
    """What a client authenticates with: of `Basic`, as git sends it, the password."""
    if authorization is None:
        return None
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return value
    try:
        return base64.b64decode(value).decode("latin-1").partition(":")[2]
    except ValueError:
        return ""


@dataclasses.dataclass(frozen=True)
class Token:
    """What the Hub knows of a token: its repos by id, or "all", and what whoami tells."""
    can_read: frozenset[str] | str = "all"
    user: str = "somebody"
    name: str = "test"
    role: str = "read"
    expires_at: str | None = None   # RFC 3339; expiry itself is a test's revoke()
    is_pro: bool = False

    def may_read(self, repo: Repo) -> bool:
        return self.can_read == "all" or repo.id in self.can_read


class Access:
    """The tokens of the stand-in. Changed by the test's thread, a whole dict at a time."""

    def __init__(self):
        self._tokens: dict[str, Token] = {}
        self.ever_known: frozenset[str] = frozenset()

    def add(self, token: str, can_read="all", **about) -> None:
        ids = can_read if can_read == "all" else frozenset(id_of(it) for it in can_read)
        self._tokens = {**self._tokens, token: Token(ids, **about)}
        self.ever_known |= {token}

    def revoke(self, token: str) -> None:
        self._tokens = {it: known for it, known in self._tokens.items() if it != token}

    def change(self, token: str, opened=(), closed=()) -> None:
        """Access that the owner of a repo gives and takes; a token that reads all is not one."""
        known = self._tokens[token]
        ids = known.can_read | {id_of(it) for it in opened}
        ids -= {id_of(it) for it in closed}
        self._tokens = {**self._tokens, token: dataclasses.replace(known, can_read=ids)}

    def token(self, request: Request) -> str | None:
        """The caller's token; a token that is not known is refused, even for public repos."""
        value = token_of(request.header("authorization"))
        if value is not None and value not in self._tokens:
            raise Refusal(401, BAD_TOKEN)
        return value

    def may_read(self, token: str | None, repo: Repo) -> bool:
        known = self._tokens.get(token or "")
        return known is not None and known.may_read(repo)

    def whoami(self, token: str | None) -> Reply:
        if token is None:
            raise Refusal(401, NO_LOGIN)
        known = self._tokens[token]
        auth = {"type": "access_token",
                "accessToken": {"displayName": known.name, "role": known.role,
                                "createdAt": "2026-01-01T00:00:00.000Z"}}
        if known.expires_at:
            auth["expiresAt"] = known.expires_at
        return document({"type": "user", "id": "0" * 24, "name": known.user,
                         "fullname": known.user.title(), "isPro": known.is_pro, "orgs": [],
                         "auth": auth})

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
