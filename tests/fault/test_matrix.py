"""Who may read what: each cell of access_matrix.json, asserted.

A mode is how the operator shares; in each, one daemon goes through three states, and in each state
everybody asks for everything: what was kept for one client is there to be given to the wrong one.
`online` all answers are asked for or kept; `stale` all that is kept is an hour old and the Hub
fails; `offline` the Hub is never asked. `warmed_with` are settings under which all was read before,
since what an operator denies may be in the cache.

A row of the table stands for all its states, clients and routes; a cell that two rows name, or
none, is a mistake in the table.
"""
import hashlib
import itertools
import json
import pathlib

import pytest

from fault.support import MIB, ask, file_path
from hub import Generated
from support.daemon import new_token

TABLE = json.loads(pathlib.Path(__file__).with_name("access_matrix.json").read_text())
STATES = ("online", "stale", "offline")
CLIENTS = ("none", "bad", "owner", "other")
VISIBILITIES = ("public", "gated", "private")
HOUR = 3600


class Route:
    """How a client asks for a repo, or for the large file in it."""

    def __init__(self, method, target, body=None, **fields):
        self.method, self.target, self.body, self.fields = method, target, body, fields

    def ask(self, daemon, repo, login: dict):
        entry = repo.find("main").entries["a.bin"]
        names = {"file": file_path(repo, "a.bin"), "id": repo.id, "prefix": repo.prefix,
                 "api": f"/api/{repo.plural}/{repo.id}", "sha": repo.head, "plural": repo.plural,
                 "pinned": file_path(repo, "a.bin", repo.head), "oid": entry.etag}
        body = self.body and json.dumps(self.body(entry)).encode()
        fields = {name: value.format(**names) for name, value in self.fields.items()}
        return ask(daemon, self.target.format(**names), self.method, body=body, **fields, **login)


def batch(entry) -> dict:
    return {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256",
            "objects": [{"oid": entry.etag, "size": entry.size}]}


ROUTES = {
    "HEAD": Route("HEAD", "{file}"),
    "GET": Route("GET", "{file}"),
    "Range": Route("GET", "{file}", range="bytes=4096-8191"),
    "info": Route("GET", "{api}"),
    "tree": Route("GET", "{api}/tree/main"),
    "LFS": Route("POST", "/{prefix}{id}.git/info/lfs/objects/batch", batch,
                 content_type="application/vnd.git-lfs+json"),
    "Xet": Route("GET", "{api}/xet-read-token/main"),
}
# Not in the table, because all that matters is who gets nothing from them.
DOORS = {
    "pinned HEAD": Route("HEAD", "{pinned}"),
    "pinned GET": Route("GET", "{pinned}"),
    "a validator": Route("GET", "{pinned}", if_none_match='"{oid}"'),
    "resolve-cache": Route("GET", "/api/resolve-cache/{plural}/{id}/{sha}/notes.json"),
    "raw": Route("GET", "/{prefix}{id}/raw/main/notes.json"),
    "raw pointer": Route("GET", "/{prefix}{id}/raw/main/a.bin"),
    "auth-check": Route("GET", "{api}/auth-check"),
    "commits": Route("GET", "{api}/commits/main"),
    "parquet": Route("GET", "{api}/parquet/default/train/0.parquet"),
    "OCI blob": Route("GET", "/v2/{id}/blobs/sha256:{oid}"),
    "OCI manifest": Route("GET", "/v2/{id}/manifests/latest"),
    "LFS object": Route("GET", "/{prefix}{id}.git/info/lfs/objects/{oid}"),
    "git": Route("GET", "/{prefix}{id}.git/info/refs?service=git-upload-pack"),
}
# What the Hub tells everybody of a gated repo, but nobody of a private one.
DESCRIPTIONS = {
    "revision": Route("GET", "{api}/revision/main"),
    "pinned info": Route("GET", "{api}/revision/{sha}?blobs=true"),
    "pinned tree": Route("GET", "{api}/tree/{sha}?recursive=true&expand=true"),
    "refs": Route("GET", "{api}/refs"),
    "paths-info": Route("POST", "{api}/paths-info/main",
                        lambda _: {"paths": ["a.bin"], "expand": False},
                        content_type="application/json"),
    "discussions": Route("GET", "{api}/discussions"),
}


def is_given_away(repo, answer) -> bool:
    """Bytes of its files; of large ones a piece is enough."""
    contents = {it.content for commit in repo.commits.values() for it in commit.entries.values()}
    pieces = [it.read(at, 32) for it in contents for at in range(0, it.size, 4096)]
    return any(it in answer.body for it in pieces)


class Scene:
    """A Hub with a repo of each visibility, a daemon in some mode, and its clients."""

    def __init__(self, hub, hubkeep, mode: dict):
        self.hub = hub
        self.settings, self.warmed_with = mode["settings"], mode.get("warmed_with")
        self.logins = {"none": {}}
        self.repos = {it: self._add_repo(it) for it in VISIBILITIES}
        opened = {"owner": self.repos.values(), "other": [self.repos["public"]]}
        for client in ("bad", "owner", "other"):
            token = new_token()
            self.logins[client] = {"authorization": f"Bearer {token}"}
            if client in opened:
                hub.add_token(token, opened[client])
        self.daemon = hubkeep(hub, token=mode["service_token"] or None, **self.settings)

    def _add_repo(self, visibility: str):
        traits = {"gated": {"gated": "manual"}, "private": {"private": True}}.get(visibility, {})
        files = {"a.bin": Generated(MIB, visibility),
                 "notes.json": json.dumps({"notes": "of " + visibility}).encode()}
        repo = self.hub.add_repo("dataset", f"org/{visibility}", files, **traits)
        repo.branch("refs/convert/parquet")
        repo.commit({"default/train/0.parquet": Generated(20_000, "parquet " + visibility)},
                    branch="refs/convert/parquet")
        return repo

    def warm(self) -> None:
        """All that may be kept is kept, for whom it may be."""
        for repo in self.repos.values():
            for route in (ROUTES | DOORS | DESCRIPTIONS).values():
                route.ask(self.daemon, repo, self.logins["owner"])
        for route in (*DESCRIPTIONS.values(), ROUTES["info"], ROUTES["tree"]):
            for client in CLIENTS:
                route.ask(self.daemon, self.repos["gated"], self.logins[client])

    def enter(self, state: str) -> None:
        if state == "online":
            if self.warmed_with:
                self.daemon.restart(**self.warmed_with)
            self.warm()
            if self.warmed_with:
                self.daemon.restart(**self.settings)
        elif state == "stale":
            self.hub.fault(None, "status", origin="hub", code=503, times=None)
            self.daemon.age(HOUR)
        else:
            self.hub.clear_faults()
            self.daemon.restart(offline=True)

    def ask(self, visibility: str, client: str, route: Route):
        return route.ask(self.daemon, self.repos[visibility], self.logins[client])


def cells_of(mode: str) -> dict[tuple, str]:
    cells = {}
    for visibilities, rows in TABLE[mode]["cells"].items():
        for *names, expected in rows:
            for cell in itertools.product(*(it.split() for it in (visibilities, *names))):
                assert cell not in cells, f"{mode}: two rows name {cell}"
                cells[cell] = expected
    return cells


@pytest.mark.parametrize("mode", TABLE)
def test_the_table_is_complete(mode):
    whole = set(itertools.product(VISIBILITIES, STATES, CLIENTS, ROUTES))
    assert len(whole) == 252 and cells_of(mode).keys() == whole


@pytest.fixture
def scene(hub, hubkeep, request):
    return Scene(hub, hubkeep, TABLE[request.param])


@pytest.mark.parametrize("scene, mode", [(it, it) for it in TABLE], indirect=["scene"], ids=TABLE)
def test_every_cell(scene, mode):
    cells, wrong, closed_to = cells_of(mode), [], TABLE[mode]["closed_to"].split()
    for state in STATES:
        scene.enter(state)
        for visibility, client in itertools.product(VISIBILITIES, CLIENTS):
            repo, is_closed = scene.repos[visibility], client in closed_to
            for name, route in ROUTES.items():
                answer = scene.ask(visibility, client, route)
                got = f"{answer.status} {answer.header('x-error-code') or ''}".strip()
                if got != cells[visibility, state, client, name]:
                    wrong.append(f"{visibility}, {state}, {client}, {name}: {got}: "
                                 f"{answer.header('x-error-message')}")
                if answer.status >= 400 and not answer.header("x-error-message"):
                    wrong.append(f"{visibility}, {state}, {client}, {name}: no sentence")
                if name == "GET" and answer.status == 200:
                    content = repo.find("main").entries["a.bin"].content
                    assert hashlib.sha256(answer.body).hexdigest() == content.sha256
            if visibility == "public" or not is_closed:
                continue
            doors = dict(DOORS) | (DESCRIPTIONS if visibility == "private" else {})
            for name, route in doors.items():
                answer = scene.ask(visibility, client, route)
                if answer.status < 400 or is_given_away(repo, answer):
                    wrong.append(f"{visibility}, {state}, {client}, {name}: {answer}")
    assert wrong == [], "\n".join([f"{len(wrong)} cells differ:", *wrong])
