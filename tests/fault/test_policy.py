"""The operator's rules: what they deny is refused in one sentence, whatever is cached."""
import pytest

from fault.support import MIB, ask, expect_file, file_path
from hub import Generated
from support.daemon import new_token

CONTENT = Generated(MIB, "weights")
FILES = {"pytorch_model.bin": CONTENT, "model.safetensors": CONTENT, "config.json": b"{}"}
NO_PICKLES = '{name: no-pickles, action: deny, files: ["*.bin", "*.pkl"]}'


def test_what_is_cached_is_hidden_as_well(hub, hubkeep):
    repo = hub.add_repo("model", "org/name", FILES)
    daemon = hubkeep(hub, token=True)
    path = file_path(repo, "pytorch_model.bin")
    expect_file(ask(daemon, path), CONTENT)
    daemon.restart(policy_rules=f"[{NO_PICKLES}]", access_contact="Ask the platform team.")
    for method, target in (("GET", path), ("HEAD", path),
                           ("GET", file_path(repo, "pytorch_model.bin", repo.head)),
                           ("GET", file_path(repo, "pytorch_model.bin", word="raw")),
                           ("GET", f"/api/resolve-cache/models/org/name/{repo.head}/"
                                   "pytorch_model.bin")):
        answer = ask(daemon, target, method)
        assert (answer.status, answer.header("x-error-code")) == (403, "GatedRepo"), target
        assert answer.header("x-error-message") == (
            'pytorch_model.bin of org/name is refused by the rule "no-pickles" of this hubkeep. '
            "Ask the platform team.")
    expect_file(ask(daemon, file_path(repo, "model.safetensors")), CONTENT)
    assert ask(daemon, "/api/models/org/name/tree/main").status == 200


@pytest.mark.parametrize("name", ("evil/name", "EVIL/Name", "old/name"))
def test_no_name_leads_around_a_rule(hub, hubkeep, name):
    repo = hub.add_repo("model", "old/name", FILES)
    hub.rename(repo, "evil/name")
    daemon = hubkeep(hub, token=True,
                     policy_rules="[{name: no-evil, action: deny, repos: [evil/*]}]")
    for path in (f"/{name}/resolve/main/config.json", f"/api/models/{name}",
                 f"/api/models/{name}/tree/main", f"/api/models/{name}/refs",
                 f"/api/models/{name}/discussions", f"/{name}/raw/main/config.json"):
        answer = ask(daemon, path)
        assert answer.status == 403 and "no-evil" in answer.header("x-error-message"), path


@pytest.mark.parametrize("private", (False, True), ids=("public", "private"))
def test_an_old_name_leads_around_no_rule_when_it_is_private(hub, hubkeep, private):
    repo = hub.add_repo("model", "old/name", FILES, private=private)
    hub.rename(repo, "evil/name")
    daemon = hubkeep(hub, token=True,
                     policy_rules="[{name: no-evil, action: deny, repos: [evil/*]}]")
    assert ask(daemon, "/old/name/resolve/main/config.json").status == 403


def test_only_released_revisions(hub, hubkeep):
    """The download that a client begins by a name goes on by the commit."""
    repo = hub.add_repo("model", "org/name", FILES)
    released = repo.head
    repo.tag("v1")
    repo.commit({"config.json": b'{"new": 1}'})
    rules = ("[{name: released, action: allow, revisions: ['v*']},"
             " {name: not-released, action: deny}]")
    daemon = hubkeep(hub, token=True, policy_rules=rules)
    assert ask(daemon, file_path(repo, "config.json", released)).status == 403
    head = ask(daemon, file_path(repo, "config.json", "v1"), "HEAD")
    assert head.status == 200
    assert ask(daemon, file_path(repo, "config.json", released)).body == b"{}"
    assert ask(daemon, file_path(repo, "config.json", "main")).status == 403
    assert ask(daemon, file_path(repo, "config.json", repo.head)).status == 403


def test_a_pattern_of_revisions_holds_after_a_restart(hub, hubkeep):
    repo = hub.add_repo("model", "org/name", FILES)
    repo.branch("dev-1")
    commit = repo.commit({"config.json": b'{"dev": 1}'}, branch="dev-1")
    daemon = hubkeep(hub, token=True)
    assert ask(daemon, file_path(repo, "config.json", "dev-1")).status == 200
    daemon.restart(policy_rules="[{name: no-dev, action: deny, revisions: ['dev-*']}]")
    assert ask(daemon, file_path(repo, "config.json", str(commit))).status == 403
    assert ask(daemon, file_path(repo, "config.json", repo.head)).status == 200


def test_names_are_refused_while_nobody_tells_them(hub, hubkeep):
    """The rule is about the name that the Hub has for it, which it does not say now."""
    repo = hub.add_repo("model", "old/name", FILES)
    hub.rename(repo, "evil/name")
    daemon = hubkeep(hub, token=True,
                     policy_rules="[{name: no-evil, action: deny, repos: [evil/*]}]")
    hub.fault("/api/models/", "status", code=429, times=None,
              headers={"RateLimit": '"api";r=0;t=100'})
    assert ask(daemon, "/old/name/resolve/main/config.json").status == 530


def test_a_key_for_some_repos_searches_without_the_service_token(hub, hubkeep, hubkeep_cli):
    token = new_token()
    hub.add_token(token)
    daemon = hubkeep(hub, token=token)
    made = hubkeep_cli("client", "add", "ci", "--repos", "org/*", "--data-dir", daemon.data_dir)
    daemon.restart()
    hub.reset_counts()
    login = {"authorization": f"Bearer {made.stdout.strip()}"}
    assert ask(daemon, "/api/models?author=other", **login).status == 200
    assert hub.asked_with(token) == [] and len(hub.asked_with(None)) == 1


def test_kinds_and_the_first_rule_that_matches(hub, hubkeep):
    model = hub.add_repo("model", "org/name", FILES)
    dataset = hub.add_repo("dataset", "org/name", FILES)
    rules = ("[{name: good, action: allow, repos: [org/name], kinds: [model]},"
             " {name: rest, action: deny, message: 'Models only.'}]")
    daemon = hubkeep(hub, token=True, policy_rules=rules)
    assert ask(daemon, file_path(model, "config.json")).status == 200
    answer = ask(daemon, file_path(dataset, "config.json"))
    assert answer.status == 403 and "Models only." in answer.header("x-error-message")


def test_a_file_that_the_hub_leads_to_is_under_the_rules_too(hub, hubkeep):
    repo = hub.add_repo("dataset", "org/data", FILES)
    repo.branch("refs/convert/parquet")
    repo.commit({"default/train/0.parquet": CONTENT}, branch="refs/convert/parquet")
    path = "/api/datasets/org/data/parquet/default/train/0.parquet"
    daemon = hubkeep(hub, token=True)
    expect_file(ask(daemon, path), CONTENT)
    daemon.restart(policy_rules="[{name: no-parquet, action: deny, files: ['*.parquet']}]")
    for fields in ({}, {"range": "bytes=0-9"}, {"cache_control": "no-store"}):
        for target, method in ((path, "GET"), (path + "/", "GET"), (path, "HEAD")):
            answer = ask(daemon, target, method, **fields)
            assert answer.status in (403, 404), (target, method, fields)


VERDICTS = (
    # client, repo, file, verdict, exit code
    ("alice", "org/open", None, "served", 0),
    ("alice", "org/open", "a.bin", 'refused: The rule "no-pickles" denies it.', 5),
    ("alice", "org/gated", "a.txt", "served", 0),
    (None, "org/gated", "a.txt", "needs_proof", 0),
    ("ci", "org/open", None, "refused: The key is for other repositories.", 5),
    ("ci", "org/gated", "a.txt", "needs_proof", 0),
    (None, "org/secret", None, "needs_proof", 0))


def test_policy_test_tells_what_would_be_served(hub, hubkeep, hubkeep_cli):
    hub.add_repo("model", "org/open", FILES)
    hub.add_repo("model", "org/gated", FILES, gated="auto")
    rules = '[{name: ml, clients: ["team:ml"], sharing: shared}]'
    daemon = hubkeep(hub, token=True, access_sharing="verify", access_rules=rules,
                     policy_rules=f"[{NO_PICKLES}]")
    data = ("--data-dir", str(daemon.data_dir))
    for args in (("alice", "--team", "ml"), ("ci", "--repos", "org/gated")):
        assert hubkeep_cli("client", "add", *args, *data).returncode == 0
    daemon.restart()
    admin = ("--admin-listen", f"127.0.0.1:{daemon.admin_port}", *data)
    for client, repo, file, verdict, code in VERDICTS:
        args = [*(("--client", client) if client else ()), *(("--file", file) if file else ())]
        told = hubkeep_cli("policy", "test", repo, *args, *admin)
        assert told.returncode == code, (client, repo, file, told)
        assert f"verdict  {verdict}" in told.stdout, (client, repo, file, told.stdout)
    wrong = hubkeep_cli("policy", "test", "no repo", *admin)
    assert wrong.returncode == 1 and "org/name" in wrong.stderr
    assert hubkeep_cli("policy", "test", *admin).returncode == 2
