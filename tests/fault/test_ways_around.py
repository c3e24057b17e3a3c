"""Ways around a refusal: whoever may not read a repo tries what is near to it.

Another name, another repo with the same bytes, another answer that tells of it, a crowd.
"""
import pytest

from fault.support import MIB, ask, expect_file, file_path, together
from hub import Generated
from support.daemon import new_token

CONTENT = Generated(MIB, "what not everybody may read")
FILES = {"a.bin": CONTENT, "notes.json": b'{"closed": "notes"}'}


class Scene:
    def __init__(self, hub, hubkeep, **settings):
        self.gated = hub.add_repo("model", "org/gated", FILES, gated="manual")
        self.private = hub.add_repo("model", "org/private", FILES, private=True)
        self.public = hub.add_repo("model", "org/public", {"open.json": b"{}"})
        self.owner, self.other = new_token(), new_token()
        hub.add_token(self.owner, [self.gated, self.private])
        hub.add_token(self.other, [self.public])
        self.daemon = hubkeep(hub, token=True, **{"access_sharing": "verify"} | settings)

    def ask(self, token, path, method="GET", **fields):
        login = {"authorization": f"Bearer {token}"} if token else {}
        return ask(self.daemon, path, method, **login, **fields)


@pytest.fixture
def scene(hub, hubkeep):
    return Scene(hub, hubkeep)


def gives_nothing(answer) -> bool:
    return answer.status in (401, 403, 404) and CONTENT.read(0, 32) not in answer.body


def test_a_crowd_asks_the_hub_once_for_a_proof(hub, scene):
    path = file_path(scene.gated, "a.bin")
    crowd = [scene.owner] * 20 + [scene.other] * 20
    answers = together(lambda token: scene.ask(token, path), crowd)
    for token, answer in zip(crowd, answers):
        if token == scene.owner:
            expect_file(answer, CONTENT)
        else:
            assert gives_nothing(answer), answer
    assert len(hub.asked_with(scene.owner)) == 1
    assert len(hub.asked_with(scene.other)) == 1
    assert hub.bytes_sent("cdn") == CONTENT.size


def test_the_same_bytes_in_another_repo(hub, scene):
    twin = hub.add_repo("model", "org/twin", FILES, gated="manual")
    expect_file(scene.ask(scene.owner, file_path(scene.gated, "a.bin")), CONTENT)
    for fields in ({}, {"range": "bytes=0-9"}, {"if_none_match": f'"{CONTENT.sha256}"'},
                   {"if_range": f'"{CONTENT.sha256}"', "range": "bytes=0-9"}):
        for revision in ("main", twin.head, scene.gated.head):
            answer = scene.ask(scene.owner, file_path(twin, "a.bin", revision), **fields)
            assert gives_nothing(answer), (revision, fields, answer)


def test_other_names_of_the_same_repo(hub, scene):
    old = file_path(scene.gated, "a.bin")
    expect_file(scene.ask(scene.owner, old), CONTENT)
    hub.rename(scene.gated, "org/renamed")
    hub.grant(scene.owner, scene.gated)
    expect_file(scene.ask(scene.owner, file_path(scene.gated, "a.bin")), CONTENT)
    for name in ("org/gated", "org/renamed", "ORG/Gated", "Org/Renamed"):
        for path in (f"/{name}/resolve/main/a.bin", f"/{name}/raw/main/notes.json",
                     f"/{name}/resolve/{scene.gated.head}/a.bin",
                     f"/api/resolve-cache/models/{name}/{scene.gated.head}/notes.json"):
            for token in (scene.other, None):
                assert gives_nothing(scene.ask(token, path)), (path, token)


@pytest.mark.parametrize("who", ("other", None))
@pytest.mark.parametrize("sharing", ("verify", "deny"))
def test_a_private_repo_looks_like_one_that_is_not_there(hub, hubkeep, sharing, who):
    scene = Scene(hub, hubkeep, access_sharing=sharing)
    token = who and scene.other
    for path in ("/{}/resolve/main/a.bin", "/{}/resolve/main/missing", "/{}/raw/main/notes.json",
                 "/{}/resolve/no-such-branch/a.bin", "/api/models/{}", "/api/models/{}/tree/main",
                 "/api/models/{}/refs", "/api/models/{}/auth-check",
                 "/api/models/{}/commits/main", "/api/models/{}/discussions"):
        told = []
        for name in ("org/private", "org/nowhere"):
            answer = scene.ask(token, path.format(name))
            told.append((answer.status, answer.header("x-error-code"),
                         answer.header("x-error-message").replace(name, "NAME"),
                         answer.body.replace(name.encode(), b"NAME")))
        assert told[0] == told[1] and told[0][:2] == (404, "RepoNotFound"), path


def test_a_token_that_was_revoked(hub, hubkeep):
    scene = Scene(hub, hubkeep, access_verify_ttl="0s")
    path = file_path(scene.private, "a.bin")
    expect_file(scene.ask(scene.owner, path), CONTENT)
    hub.revoke_token(scene.owner)
    answer = scene.ask(scene.owner, path)
    assert answer.status == 401 and "Invalid credentials" in answer.header("x-error-message")


# All that hubkeep passes on about a repo, also what it does not know.
ABOUT_A_REPO = (
    "/api/{plural}/{id}", "/api/{plural}/{id}/revision/main", "/api/{plural}/{id}/tree/main",
    "/api/{plural}/{id}/refs", "/api/{plural}/{id}/commits/main", "/api/{plural}/{id}/auth-check",
    "/api/{plural}/{id}/discussions", "/api/{plural}/{id}/treesize/main",
    "/api/{plural}/{id}/parquet", "/api/{plural}/{id}/croissant", "/api/{plural}/{id}/new-word",
    "/api/{plural}/{id}/new-word/with/more", "/{prefix}{id}/resolve/main/a.bin",
    "/{prefix}{id}/raw/main/a.bin", "/api/resolve-cache/{plural}/{id}/{sha}/a.bin",
    "/-/datasets-server/parquet?dataset={id}", "/-/datasets-server/info?x=1&dataset={quoted}",
    "/-/datasets-server/rows?dataset={id}&config=default&split=train&offset=0&length=10")


def test_no_answer_tells_of_a_repo_that_a_rule_denies(hub, hubkeep):
    repo = hub.add_repo("dataset", "evil/data", FILES)
    hub.add_repo("dataset", "good/data", FILES)
    daemon = hubkeep(hub)
    places = [it.format(id=repo.id, quoted="evil%2Fdata", plural=repo.plural, prefix=repo.prefix,
                        sha=repo.head) for it in ABOUT_A_REPO]
    for place in places:
        ask(daemon, place)      # what is cached is hidden as well
    daemon.restart(policy_rules="[{name: no-evil, action: deny, repos: [datasets/Evil/*]}]")
    hub.reset_counts()
    for place in places:
        answer = ask(daemon, place)
        assert answer.status == 403 and "no-evil" in answer.header("x-error-message"), place
        assert answer.header("x-error-code") == "GatedRepo"
    # Whether it goes by another name is asked, as a stranger; nothing else.
    assert {it.path for it in hub.requests} <= {f"/api/datasets/{repo.id}"}
    assert len(hub.asked_with(None)) == len(hub.requests)
    assert ask(daemon, "/-/datasets-server/parquet?dataset=good/data").status == 200
