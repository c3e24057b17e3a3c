"""Sharing `verify`: what proves access, for how long, and what those see who have no proof.

The matrix (test_matrix.py) has every cell; here is how a proof comes, lasts and ends.
"""
import pytest

from fault.support import MIB, ask, expect_file, file_path, wait_until
from hub import Generated
from support.daemon import new_token

CONTENT = Generated(MIB, "what not everybody may read")
FILES = {"a.bin": CONTENT, "b.json": b"{}"}
CONTACT = "Ask the platform team."


class Scene:
    def __init__(self, hub, hubkeep, **settings):
        self.hub = hub
        self.gated = hub.add_repo("model", "org/gated", FILES, gated="auto")
        self.private = hub.add_repo("model", "org/private", FILES, private=True)
        self.public = hub.add_repo("model", "org/public", FILES)
        self.alice = new_token()
        hub.add_token(self.alice, [self.gated, self.private])
        self.daemon = hubkeep(hub, token=True, **{"access_sharing": "verify"} | settings)

    def ask(self, path, method="GET", token=None, **fields):
        login = {"authorization": f"Bearer {token}"} if token else {}
        return ask(self.daemon, path, method, **login, **fields)

    def proofs_asked(self, token=None) -> list:
        return self.hub.asked_with(token or self.alice)


@pytest.fixture
def scene(hub, hubkeep, request):
    return Scene(hub, hubkeep, **getattr(request, "param", {}))


def with_settings(**settings):
    return pytest.mark.parametrize("scene", [settings], indirect=True, ids=[""])


def test_the_proof_is_the_file_and_is_asked_for_once(scene):
    for _ in range(3):
        expect_file(scene.ask(file_path(scene.gated, "a.bin"), token=scene.alice), CONTENT)
    expect_file(scene.ask(file_path(scene.gated, "a.bin", scene.gated.head), token=scene.alice),
                CONTENT)
    asked = scene.proofs_asked()
    assert [(it.method, it.path) for it in asked] == [("HEAD", "/org/gated/resolve/main/a.bin")]


def test_the_service_token_does_the_transfer_once_for_all_who_have_a_proof(scene):
    bob = new_token()
    scene.hub.add_token(bob, [scene.gated])
    for token in (scene.alice, bob):
        expect_file(scene.ask(file_path(scene.gated, "a.bin"), token=token), CONTENT)
    assert scene.hub.bytes_sent("cdn") < 1.02 * CONTENT.size
    assert len(scene.proofs_asked(bob)) == 1


@pytest.mark.parametrize("repo", ("gated", "private"))
def test_a_listing_is_no_proof_and_a_file_is_asked_for(scene, repo):
    """A description of a gated repo is public; so the Hub is asked for a file all the same."""
    repo = getattr(scene, repo)
    assert scene.ask(f"/api/models/{repo.id}/tree/main", token=scene.alice).status == 200
    assert all("/resolve/" in it.path or it.path.endswith("/auth-check")
               for it in scene.proofs_asked())
    assert scene.ask(file_path(repo, "a.bin"), token=scene.alice).status == 200


def test_a_missing_file_proves_nothing(scene):
    """The Hub may tell that a file is missing before it looks who asks."""
    stranger = new_token()
    scene.hub.add_token(stranger, [])
    scene.hub.fault("resolve/main/nothing.txt", "status", code=404, times=None,
                    headers={"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
    assert scene.ask(file_path(scene.gated, "nothing.txt"), token=stranger).status == 403
    assert scene.ask(file_path(scene.gated, "a.bin"), token=stranger).status == 403
    answer = scene.ask(file_path(scene.gated, "nothing.txt"), token=scene.alice)
    assert (answer.status, answer.header("x-error-code")) == (404, "EntryNotFound")


@with_settings(access_verify_ttl="0s", access_verify_grace="1h")
def test_access_that_was_taken_away_ends_with_the_ttl(scene):
    path = file_path(scene.gated, "a.bin")
    assert scene.ask(path, token=scene.alice).status == 200
    scene.hub.revoke_access(scene.alice, scene.gated)
    answer = scene.ask(path, token=scene.alice)
    assert (answer.status, answer.header("x-error-code")) == (403, "GatedRepo")
    # And the grace for when the Hub is gone does not bring it back.
    scene.daemon.restart(offline=True)
    assert scene.ask(path, token=scene.alice).status == 530


@with_settings(access_verify_negative_ttl="0s")
def test_access_that_was_given_counts_at_once_without_a_ttl_of_refusals(scene):
    bob = new_token()
    scene.hub.add_token(bob, [])
    path = file_path(scene.gated, "a.bin")
    assert scene.ask(path, token=bob).status == 403
    scene.hub.grant(bob, scene.gated)
    expect_file(scene.ask(path, token=bob), CONTENT)


@with_settings(access_verify_negative_ttl="1h")
def test_a_refusal_is_not_asked_for_again_within_its_ttl(scene):
    bob = new_token()
    scene.hub.add_token(bob, [])
    for _ in range(3):
        assert scene.ask(file_path(scene.gated, "a.bin"), token=bob).status == 403
    assert len(scene.proofs_asked(bob)) == 1


def test_a_proof_lasts_for_the_grace_when_the_hub_is_gone(scene):
    path = file_path(scene.gated, "a.bin")
    expect_file(scene.ask(path, token=scene.alice), CONTENT)
    scene.daemon.restart(offline=True)
    expect_file(scene.ask(path, token=scene.alice), CONTENT)
    scene.daemon.age(23 * 3600)
    expect_file(scene.ask(path, token=scene.alice), CONTENT)
    scene.daemon.age(2 * 3600)
    answer = scene.ask(path, token=scene.alice)
    assert answer.status == 530 and "cannot be checked" in answer.header("x-error-message")


def test_without_a_proof_nothing_is_given_away_while_the_hub_is_gone(scene):
    path = file_path(scene.private, "a.bin")
    expect_file(scene.ask(path, token=scene.alice), CONTENT)
    bob = new_token()
    scene.hub.add_token(bob, [scene.private])
    scene.daemon.restart(offline=True)
    for token in (None, bob):
        assert scene.ask(path, token=token).status in (404, 530)
    expect_file(scene.ask(path, token=scene.alice), CONTENT)


def test_what_answers_in_the_place_of_the_hub_proves_nothing(scene):
    """A captive portal says 200 to everything."""
    bob = new_token()
    scene.hub.add_token(bob, [])
    scene.ask("/api/models/org/gated")     # so that it is known to be gated
    scene.hub.fault("resolve/main/a.bin", "status", code=200, times=None)
    answer = scene.ask(file_path(scene.gated, "a.bin"), token=bob)
    assert answer.status == 530, answer


@pytest.mark.parametrize("name", ("gated", "private"))
def test_a_repo_that_was_closed_is_closed_here_when_its_standing_is_old(hub, hubkeep, name):
    repo = hub.add_repo("model", "org/once-public", FILES)
    daemon = hubkeep(hub, token=True, access_sharing="verify", revisions_ttl="0s")
    path = file_path(repo, "a.bin", repo.head)
    expect_file(ask(daemon, path), CONTENT)
    setattr(repo, name, "auto" if name == "gated" else True)
    daemon.age(601)
    answer = ask(daemon, path)
    wanted = (401, "GatedRepo") if name == "gated" else (404, "RepoNotFound")
    assert (answer.status, answer.header("x-error-code")) == wanted


@with_settings(access_contact=CONTACT,
               access_rules='[{name: ours, repos: [ORG/gated], sharing: deny, message: "No."}]')
def test_a_rule_and_its_words(scene):
    answer = scene.ask(file_path(scene.gated, "a.bin"), "HEAD", token=scene.alice)
    assert (answer.status, answer.header("x-error-code")) == (403, "GatedRepo")
    assert answer.header("x-error-message") == (
        'org/gated is gated at the Hub, and this hubkeep hands out public repositories only '
        f'(rule "ours"). No. {CONTACT}')
    wait_until(lambda: scene.daemon.access_log(rule="ours"), "the rule in the log")
    assert scene.ask("/api/models/org/gated", token=scene.alice).status == 403
    expect_file(scene.ask(file_path(scene.private, "a.bin"), token=scene.alice), CONTENT)


@with_settings(access_sharing="shared")
def test_a_web_page_of_nobody_reads_what_is_public(scene):
    """Any page in the browser of a user could read what the service token opens."""
    page = {"origin": "https://stranger.example"}
    expect_file(scene.ask(file_path(scene.gated, "a.bin")), CONTENT)
    answer = scene.ask(file_path(scene.gated, "a.bin"), **page)
    assert (answer.status, answer.header("x-error-code")) == (401, "GatedRepo")
    assert scene.ask(file_path(scene.private, "a.bin"), **page).status == 404
    expect_file(scene.ask(file_path(scene.public, "a.bin"), **page), CONTENT)
    expect_file(scene.ask(file_path(scene.gated, "a.bin"), token=scene.alice, **page), CONTENT)


@pytest.mark.parametrize("settings, service", (
    ({"access_sharing": "shared"}, True), ({"access_sharing": "verify"}, False),
    ({"access_rules": "[{repos: [org/private], sharing: deny}]", "access_sharing": "shared"},
     False)), ids=("shared", "verify", "a rule"))
def test_searches_use_the_service_token_only_when_all_is_shared(hub, hubkeep, settings, service):
    token = new_token()
    hub.add_token(token)
    daemon = hubkeep(hub, token=token, **settings)
    assert ask(daemon, "/api/models?search=org").status == 200
    assert len(hub.asked_with(token)) == int(service)
    assert len(hub.asked_with(None)) == int(not service)


def test_an_old_name_is_proven_under_the_new_one(scene):
    scene.hub.rename(scene.gated, "org/renamed")
    scene.hub.grant(scene.alice, scene.gated)
    for name in ("org/gated", "org/renamed", "ORG/Gated"):
        answer = scene.ask(f"/{name}/resolve/main/a.bin", token=scene.alice)
        expect_file(answer, CONTENT)
        assert scene.ask(f"/{name}/resolve/main/a.bin").status == 401


@with_settings(access_verify_ttl="0s")
def test_a_used_up_quota_does_not_make_a_proof_last(scene):
    """Who asks until the Hub limits his token would otherwise read on for the grace."""
    path = file_path(scene.gated, "a.bin")
    assert scene.ask(path, token=scene.alice).status == 200
    scene.hub.fault("resolve/main/a.bin", "status", code=429, times=None, method="HEAD",
                    headers={"RateLimit": '"resolvers";r=0;t=100'})
    assert scene.ask(path, token=scene.alice).status == 429


def test_trouble_with_one_file_takes_no_proof_away(scene):
    scene.hub.fault("resolve/main/b.json", "status", code=410, times=None)
    bad, good = (file_path(scene.gated, it) for it in ("b.json", "a.bin"))
    assert scene.ask(bad, token=scene.alice).status >= 400
    expect_file(scene.ask(good, token=scene.alice), CONTENT)


def test_what_the_service_token_cannot_see_comes_with_the_client_s_own(hub, hubkeep):
    """A private repo of a user, of which the operator's account knows nothing."""
    repo = hub.add_repo("model", "user/private", FILES, private=True)
    service, own = new_token(), new_token()
    hub.add_token(service, [])
    hub.add_token(own, [repo])
    daemon = hubkeep(hub, token=service, access_sharing="verify")
    login = {"authorization": f"Bearer {own}"}
    expect_file(ask(daemon, file_path(repo, "a.bin"), **login), CONTENT)
    assert ask(daemon, file_path(repo, "a.bin")).status == 404
