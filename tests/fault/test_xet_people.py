"""Who reads over Xet: each as himself, with all that holds for him, beside others who do not matter.

Each test is named after something that went wrong once, or would have.
"""
import json

import pytest

from fault.support import MIB, all_published, ask, expect_file, file_path, same, together
from fault.xet import CHUNK, TERM, Xet, fetch, place_of, token_path
from hub import Generated

SERVE = {"xet": "serve", "revisions_ttl": "1h"}
MODEL = Generated(2 * TERM + 5 * CHUNK, "people")
NO_PICKLES = '[{name: no-pickles, action: deny, files: ["*.bin"]}]'


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/people", {"config.json": b"{}", "model.bin": MODEL})


def read_first(daemon, plan, **options):
    url, _, (first, last) = place_of(plan, plan["terms"][0]["hash"])
    return fetch(daemon, url, range=f"bytes={first}-{last}", **options)


def test_a_rule_about_one_file_denies_no_other_with_the_same_content(hub, hubkeep):
    repo = hub.add_repo("model", "org/twins", {"a.bin": MODEL, "z/model.ckpt": MODEL})
    daemon = hubkeep(hub, policy_rules=NO_PICKLES, **SERVE)
    assert ask(daemon, f"/api/models/{repo.id}/tree/{repo.head}?recursive=true").status == 200
    assert ask(daemon, file_path(repo, "a.bin")).status == 403
    assert same(Xet(daemon, repo).read(MODEL), MODEL.bytes())


def test_a_file_that_only_rules_deny_stays_closed(hub, hubkeep, repo):
    daemon = hubkeep(hub, policy_rules=NO_PICKLES, **SERVE)
    assert Xet(daemon, repo).ask(f"/v2/reconstructions/{MODEL.xet_hash}").status == 403


def test_a_description_without_hashes_hides_no_file_from_xet(hub, hubkeep, repo):
    """blobs=true tells sizes and digests, and no Xet hash; an older index did neither."""
    daemon = hubkeep(hub, **SERVE)
    assert ask(daemon, f"/api/models/{repo.id}/revision/{repo.head}?blobs=true").status == 200
    answer = ask(daemon, file_path(repo, "model.bin", repo.head), "HEAD")
    assert answer.header("x-xet-hash") == MODEL.xet_hash
    asked = hub.count(method="HEAD")
    assert ask(daemon, file_path(repo, "model.bin", repo.head), "HEAD").status == 200
    assert hub.count(method="HEAD") == asked, "asked once, and then known"


def test_without_the_hub_a_description_without_hashes_is_enough(hub, hubkeep, repo):
    daemon = hubkeep(hub, **SERVE)
    assert ask(daemon, f"/api/models/{repo.id}/revision/{repo.head}?blobs=true").status == 200
    hub.down()
    answer = ask(daemon, file_path(repo, "model.bin", repo.head), "HEAD")
    assert answer.status == 200 and int(answer.header("content-length")) == MODEL.size


def test_a_hub_that_is_away_makes_no_file_unknown(hub, hubkeep, repo):
    """What is known of the commit is one small file; the client has its hash from elsewhere."""
    daemon = hubkeep(hub, **SERVE)
    expect_file(ask(daemon, file_path(repo, "config.json")), repo.commits[repo.head]
                .entries["config.json"].content)
    xet = Xet(daemon, repo)
    hub.down()
    assert xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}").status == 530
    hub.up()


def test_an_address_is_for_the_networks_that_need_no_key(hub, hubkeep, repo):
    daemon = hubkeep(hub, clients_anonymous="127.0.0.0/30", **SERVE)
    xet = Xet(daemon, repo)
    plan = xet.plan(MODEL)
    assert read_first(daemon, plan).status == 206
    assert read_first(daemon, plan, source="127.9.9.9").status == 403
    assert xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}", source="127.9.9.9").status == 401


def test_the_next_key_of_a_name_does_not_revive_the_tokens_of_the_last(hub, hubkeep, hubkeep_cli,
                                                                       repo):
    daemon = hubkeep(hub, **SERVE)
    added = hubkeep_cli("client", "add", "robot", *daemon.cli_args)
    daemon.restart()
    xet = Xet(daemon, repo, authorization=f"Bearer {added.stdout.strip()}")
    plan = xet.plan(MODEL)
    assert hubkeep_cli("client", "rm", "robot", *daemon.cli_args).returncode == 0
    assert hubkeep_cli("client", "add", "robot", *daemon.cli_args).returncode == 0
    daemon.restart()
    assert xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}").status == 401
    assert read_first(daemon, plan).status == 403


def test_reading_a_file_costs_a_key_no_more_requests_than_asking_for_it(hub, hubkeep, hubkeep_cli,
                                                                        repo):
    daemon = hubkeep(hub, **SERVE)
    added = hubkeep_cli("client", "add", "robot", "--per-minute", "2", *daemon.cli_args)
    daemon.restart()
    xet = Xet(daemon, repo, authorization=f"Bearer {added.stdout.strip()}")
    assert same(xet.read(MODEL), MODEL.bytes()), "a token, a plan, and three xorbs"
    assert xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}").status == 429


def test_without_room_nothing_is_read_that_could_not_be_checked(hub, hubkeep, repo):
    daemon = hubkeep(hub, cache_max_size="4MiB", **SERVE)
    xet = Xet(daemon, repo)
    answer = xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}")
    if answer.status == 200:
        answer = read_first(daemon, json.loads(answer.body))
    assert answer.status == 410 and "HF_HUB_DISABLE_XET" in answer.header("x-error-message")
    expect_file(ask(daemon, file_path(repo, "model.bin")), MODEL)


def test_who_reads_the_end_of_a_file_waits_for_nobody_who_reads_all_of_it(hub, hubkeep, repo):
    daemon = hubkeep(hub, upstream_connections_per_file="1", **SERVE)
    whole = Xet(daemon, repo)
    with hub.gate(MODEL.sha256, origin="cdn", at=MIB) as gate:
        whole.plan(MODEL)
        gate.wait_arrived()
        assert same(Xet(daemon, repo).read(MODEL, "v2", MODEL.size - 1000, MODEL.size - 1),
                    MODEL.read(MODEL.size - 1000, 1000))
    assert same(whole.read(MODEL), MODEL.bytes())


def test_many_who_ask_for_one_file_cause_one_fetch(hub, hubkeep, repo):
    daemon = hubkeep(hub, **SERVE)
    readers = [Xet(daemon, repo) for _ in range(12)]
    assert all(together(lambda it: same(it.read(MODEL), MODEL.bytes()), readers))
    all_published(daemon, [MODEL.sha256])
    assert hub.bytes_sent("cdn") <= MODEL.size + MIB


def test_a_server_that_ignores_ranges_is_read_once(hub, hubkeep, repo):
    hub.fault(MODEL.sha256, "ignore_range", origin="cdn", times=100)
    daemon = hubkeep(hub, **SERVE)
    xet = Xet(daemon, repo)
    plan = xet.plan(MODEL)
    parts = together(lambda it: xet.read_term(plan, it), plan["terms"])
    assert same(b"".join(parts), MODEL.bytes())
    assert hub.bytes_sent("cdn") <= 2 * MODEL.size


def test_a_rule_holds_under_an_old_name(hub, hubkeep):
    repo = hub.add_repo("model", "org/before", {"model.bin": MODEL})
    before = f"/api/models/org/before/xet-read-token/{repo.head}"
    hub.rename(repo, "org/after")
    daemon = hubkeep(hub, xet_rules="org/after=strip", **SERVE)
    answer = ask(daemon, before)
    if answer.status == 200:
        token = answer.json()["accessToken"]
        answer = ask(daemon, f"/-/xet/v2/reconstructions/{MODEL.xet_hash}",
                     authorization=f"Bearer {token}")
    assert answer.status == 404
    assert ask(daemon, token_path(repo, repo.head)).status == 404
