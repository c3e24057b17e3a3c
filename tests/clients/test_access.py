"""Who may read what, as users of huggingface_hub see it: its own exceptions, with our sentence.

The exception decides what scripts do, the sentence what people do next: it names the rule that
refused and whom to ask. One daemon has all the ways to refuse; what it serves is shown beside them.
"""
import pytest

from clients.support import VERSIONS, expect_file, expect_snapshot
from hub import Generated
from support.daemon import new_token

FILES = {"config.json": b"{}", "weights.safetensors": Generated(50_000, "weights")}
CONTACT = "Ask #ml-platform."
SETTINGS = {
    "access_sharing": "verify", "access_contact": CONTACT,
    "access_rules": "[{name: closed-shop, repos: [shop/*], sharing: deny,"
                    " message: The shop is closed.}]",
    "policy_rules": "[{name: under-review, action: deny, repos: [org/banned],"
                    " message: This model is under review.},"
                    " {name: no-pickles, action: deny, files: ['*.pkl']}]"}


def job(call: str, repo_id: str, filename="config.json", **more) -> dict:
    return {"call": call, "repo_id": repo_id, **({"filename": filename} if call == "file" else {}),
            **more}


def caught(result: dict) -> str:
    return result["error"][0] if "error" in result else "nothing"


class Users:
    def __init__(self, scene):
        self.hub, self.owner, self.other = scene.hub, new_token(), new_token()
        self.open = self.hub.add_repo("model", "org/open", FILES | {"model.pkl": b"pickled"})
        self.gated = self.hub.add_repo("model", "org/gated", FILES, gated="manual")
        self.private = self.hub.add_repo("model", "org/private", FILES, private=True)
        self.hub.add_repo("model", "org/banned", FILES)
        self.hub.add_repo("model", "shop/gated", FILES, gated="auto")
        self.hub.add_repo("model", "shop/private", FILES, private=True)
        self.hub.add_token(self.owner)
        self.hub.add_token(self.other, [self.open])


@pytest.fixture
def users(scene):
    return Users(scene)


# What is asked, by whom, the exception, and words of the sentence.
REFUSALS = [
    (job("file", "org/banned"), "none", "GatedRepoError", "under-review"),
    (job("file", "org/banned"), "owner", "GatedRepoError", "This model is under review."),
    (job("snapshot", "org/banned"), "owner", "GatedRepoError", "under-review"),
    (job("info", "org/banned"), "owner", "GatedRepoError", "under-review"),
    (job("file", "org/open", "model.pkl"), "owner", "GatedRepoError", "no-pickles"),
    (job("file", "shop/gated"), "owner", "GatedRepoError", "closed-shop"),
    (job("file", "shop/private"), "owner", "RepositoryNotFoundError", "The shop is closed."),
    (job("snapshot", "shop/private"), "none", "RepositoryNotFoundError", "closed-shop"),
    (job("file", "org/gated"), "none", "GatedRepoError", CONTACT),
    (job("file", "org/gated"), "other", "GatedRepoError", CONTACT),
    (job("snapshot", "org/gated"), "other", "GatedRepoError", CONTACT),
    (job("file", "org/private"), "none", "RepositoryNotFoundError", CONTACT),
    (job("snapshot", "org/private"), "none", "RepositoryNotFoundError", CONTACT),
    (job("file", "org/private"), "other", "RepositoryNotFoundError", CONTACT),
    (job("info", "org/private"), "other", "RepositoryNotFoundError", CONTACT),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_refusals_are_the_hub_s_exceptions_with_our_sentence(scene, users, version):
    scene.start(token=True, **SETTINGS)
    tokens = {"none": False, "owner": users.owner, "other": users.other}
    served = [job("snapshot", "org/gated"), job("snapshot", "org/private"),
              job("file", "org/open")]
    client = scene.client(version)
    gated, private, file = client.do(*(it | {"token": users.owner} for it in served))
    expect_snapshot(gated, users.gated)
    expect_snapshot(private, users.private)
    expect_file(file, users.open, "main", "config.json")
    # Others find it all in the cache, and nothing of their own in theirs.
    client = scene.client(version)
    results = client.do(*(it | {"token": tokens[who]} for it, who, _, _ in REFUSALS))
    wrong = [f"{it['call']} of {it['repo_id']} by {who}: {caught(result)}: "
             f"{result.get('message')}"
             for (it, who, exception, words), result in zip(REFUSALS, results, strict=True)
             if caught(result) != exception or words not in result["message"]]
    assert wrong == [], "\n".join(wrong)
    assert client.markers() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_proof_outlives_the_hub_within_the_grace(scene, users, version):
    scene.start(token=True, access_sharing="verify")
    mine = [job("snapshot", "org/gated", token=users.owner),
            job("file", "org/private", token=users.owner)]
    scene.client(version).do(*mine)
    scene.go_offline()
    snapshot, file = scene.client(version).do(*mine)
    expect_snapshot(snapshot, users.gated)
    expect_file(file, users.private, "main", "config.json")
    refused = scene.client(version).do(*(it | {"token": token} for it in mine
                                         for token in (users.other, False)))
    assert [caught(it) for it in refused] == 4 * ["LocalEntryNotFoundError"]
    scene.daemon.age(2 * 24 * 3600)
    late = scene.client(version).do(*mine)
    assert [caught(it) for it in late] == 2 * ["LocalEntryNotFoundError"]
