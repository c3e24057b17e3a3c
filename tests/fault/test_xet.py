"""The Xet store that hubkeep is for its clients, request by request and byte by byte.

What real clients do with it is in clients/test_xet.py; here is what none of them tries on purpose.
"""
import base64
import re
import time

import pytest

from fault.support import (MIB, SLACK, all_published, ask, expect_file, file_path, same,
                           wait_until)
from fault.xet import (CAS, CHUNK, HEADER, TERM, Xet, chunks_of, fetch, place_of, token_path,
                       xorb_bytes)
from hub import Generated, Vast
from support.daemon import new_token

SERVE = {"xet": "serve", "revisions_ttl": "1h"}
MODEL = Generated(2 * TERM + 3 * CHUNK + 77, "model")
ONE = Generated(1, "one")
FILES = {"config.json": b"{}", "empty.bin": b"", "one.bin": ONE, "model.bin": MODEL}
# Spec 1.1.0, and what hf_xet asked for before there was one (xet-core, tags v0.1.4 to v1.4.0).
V1_NAMES = ("/v1/reconstructions/", "/reconstructions/", "/reconstruction/")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/xet", FILES)


@pytest.fixture
def daemon(hub, hubkeep, repo):
    return hubkeep(hub, **SERVE)


# What a client is told

def test_a_token_leads_to_this_daemon_in_the_fields_and_in_the_document(hub, daemon, repo):
    for revision in ("main", repo.head):
        answer = Xet(daemon, repo, revision).answer
        told = answer.json()
        assert told["casUrl"] == daemon.url + CAS
        assert 23 * 3600 <= told["exp"] - time.time() <= 24 * 3600
        assert (answer.header("x-xet-cas-url"), answer.header("x-xet-access-token"),
                answer.header("x-xet-token-expiration")) == (
                    told["casUrl"], told["accessToken"], str(told["exp"]))
    name = f"localhost:{daemon.port}"
    told = ask(daemon, token_path(repo, "main"), host=name).json()
    assert told["casUrl"] == f"http://{name}{CAS}"
    assert hub.count(path="xet-read-token") == 0


@pytest.mark.parametrize("revision", ("no-such-branch", "0" * 40))
def test_no_token_for_what_is_not_there(daemon, repo, revision):
    answer = ask(daemon, token_path(repo, revision))
    assert (answer.status, answer.header("x-error-code")) == (404, "RevisionNotFound")


def test_every_name_of_a_reconstruction_has_the_same_terms(daemon, repo):
    xet = Xet(daemon, repo)
    plans = [xet.ask(name + MODEL.xet_hash).json() for name in V1_NAMES]
    for plan in plans:
        assert plan.keys() == {"offset_into_first_range", "terms", "fetch_info"}
        assert [place_of(plan, it["hash"])[1:] for it in plan["terms"]] == [
            place_of(plans[0], it["hash"])[1:] for it in plan["terms"]]
    second = xet.plan(MODEL)
    assert second.keys() == {"offset_into_first_range", "terms", "xorbs"}
    assert second["terms"] == plans[0]["terms"]
    assert [place_of(second, it["hash"])[1:] for it in second["terms"]] == [
        place_of(plans[0], it["hash"])[1:] for it in second["terms"]]
    by_get = xet.ask(f"/v1/reconstructions?file_id={MODEL.xet_hash}&file_id={ONE.xet_hash}")
    body = f'[{{"prefix":"default","hash":"{MODEL.xet_hash}"}},{{"hash":"{ONE.xet_hash}"}}]'
    by_post = ask(daemon, CAS + "/v1/reconstructions", "POST", body=body,
                  authorization=f"Bearer {xet.token}", content_type="application/json")
    for batch in (by_get.json(), by_post.json()):
        assert batch["files"][MODEL.xet_hash] == second["terms"]
        assert len(batch["files"][ONE.xet_hash]) == 1
        assert batch["fetch_info"].keys() == {it["hash"] for file in batch["files"].values()
                                              for it in file}


def test_a_plan_is_the_same_for_everybody_who_asks_and_when(hub, daemon, repo):
    """Clients put terms of two answers together, and some keep chunks by their xorb for good."""
    first = Xet(daemon, repo).plan(MODEL, "v1")
    xet = Xet(daemon.restart(), repo)
    xet.read(MODEL)
    all_published(daemon, [MODEL.sha256])
    again = xet.plan(MODEL, "v1")
    assert again["terms"] == first["terms"]
    ids = [it["hash"] for it in first["terms"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch("[0-9a-f]{64}", it) for it in ids)


@pytest.mark.parametrize("form", ("v1", "v2"))
@pytest.mark.parametrize("path", ("model.bin", "one.bin"))
def test_cold_warm_and_offline(hub, daemon, repo, path, form):
    content = repo.find("main").entries[path].content
    assert same(Xet(daemon, repo).read(content, form), content.bytes())
    all_published(daemon, [content.sha256])
    assert hub.bytes_sent("cdn") <= content.size + SLACK
    hub.reset_counts()
    assert same(Xet(daemon, repo).read(content, form), content.bytes())
    assert hub.requests == []
    hub.down()
    daemon.restart()
    assert same(Xet(daemon, repo).read(content, form), content.bytes())


RANGES = [(0, 0), (0, CHUNK - 1), (CHUNK - 1, CHUNK), (5, TERM + 5), (TERM - 1, TERM),
          (TERM, 2 * TERM - 1), (2 * TERM + 3 * CHUNK, MODEL.size - 1), (MODEL.size - 1,) * 2,
          (MODEL.size - 10, 10**12)]


@pytest.mark.parametrize("warm", (False, True))
def test_ranges_of_a_file(daemon, repo, warm):
    xet = Xet(daemon, repo)
    if warm:
        expect_file(ask(daemon, file_path(repo, "model.bin")), MODEL)
    for first, last in RANGES:
        plan = xet.plan(MODEL, "v2", first, last)
        assert plan["offset_into_first_range"] == first % CHUNK
        wanted = MODEL.read(first, min(last, MODEL.size - 1) - first + 1)
        assert same(xet.read(MODEL, "v2", first, last), wanted), (first, last)
        got = sum(it["unpacked_length"] for it in plan["terms"])
        assert got <= len(wanted) + 2 * CHUNK, "more chunks than the range needs"
    for first, last in ((MODEL.size, MODEL.size + 5), (10**15, 10**15)):
        for name in (*V1_NAMES, "/v2/reconstructions/"):
            answer = xet.ask(name + MODEL.xet_hash, range=f"bytes={first}-{last}")
            assert answer.status == 416
            assert answer.header("content-range") == f"bytes */{MODEL.size}"


# Xorbs

def test_stretches_of_a_xorb(daemon, repo):
    """Wherever they begin and end: in a header, between two chunks, in the data."""
    xet = Xet(daemon, repo)
    for number, term in enumerate(xet.plan(MODEL)["terms"]):
        url, _, (first, last) = place_of(xet.plan(MODEL), term["hash"])
        whole = xorb_bytes(MODEL, number)
        assert (first, last) == (0, len(whole) - 1)
        frame = CHUNK + HEADER
        for begin, end in ((0, 0), (3, 5), (7, 8), (frame - 1, frame + 3), (frame + 7, 2 * frame),
                           (10, 2 * frame + 4), (len(whole) - 1,) * 2, (len(whole) - 9, 10**9)):
            answer = fetch(daemon, url, range=f"bytes={begin}-{end}")
            last = min(end, len(whole) - 1)
            assert answer.status == 206 and answer.complete, answer
            assert answer.header("content-range") == f"bytes {begin}-{last}/{len(whole)}"
            assert same(answer.body, whole[begin:last + 1]), (number, begin, end)
        answer = fetch(daemon, url, range="bytes=-20")
        assert answer.status == 206 and answer.body == whole[-20:]
        answer = fetch(daemon, url)
        assert answer.status == 200 and same(answer.body, whole)
        answer = fetch(daemon, url, range=f"bytes={len(whole)}-")
        assert (answer.status, answer.header("content-range")) == (416, f"bytes */{len(whole)}")


def test_several_stretches_in_one_answer(daemon, repo):
    xet = Xet(daemon, repo)
    url, *_ = place_of(xet.plan(MODEL), xet.plan(MODEL)["terms"][0]["hash"])
    whole, frame = xorb_bytes(MODEL, 0), CHUNK + HEADER
    spans = [(0, 10), (frame - 4, frame + 20), (3 * frame, 5 * frame - 1)]
    for stage in ("cold", "warm"):
        answer = fetch(daemon, url, range="bytes=" + ",".join(f"{a}-{b}" for a, b in spans))
        assert answer.status == 206 and answer.complete, (stage, answer)
        boundary = re.fullmatch("multipart/byteranges; boundary=(.*)",
                                answer.header("content-type"))[1].strip('"').encode()
        *parts, end = answer.body.split(b"\r\n--" + boundary)[1:]
        assert end.startswith(b"--")
        for (first, last), part in zip(spans, parts, strict=True):
            head, _, data = part.partition(b"\r\n\r\n")
            assert f"bytes {first}-{last}/{len(whole)}".encode() in head
            assert same(data, whole[first:last + 1]), stage
        expect_file(ask(daemon, file_path(repo, "model.bin")), MODEL)
    many = ",".join(f"{n * 10}-{n * 10 + 1}" for n in range(5000))
    answer = fetch(daemon, url, range="bytes=" + many[:12_000])
    assert answer.status in (200, 206, 416) and len(answer.body) <= len(whole) + SLACK


def test_heads(daemon, repo):
    xet = Xet(daemon, repo)
    head = xet.ask(f"/v1/files/{MODEL.xet_hash}", "HEAD")
    assert (head.status, head.header("content-length")) == (200, str(MODEL.size))
    for number, term in enumerate(xet.plan(MODEL)["terms"]):
        head = fetch(daemon, place_of(xet.plan(MODEL), term["hash"])[0], "HEAD")
        assert head.header("content-length") == str(len(xorb_bytes(MODEL, number)))
        head = xet.ask(f"/v1/xorbs/default/{term['hash']}", "HEAD")
        assert head.status == 200


def test_a_cold_stretch_costs_its_blocks_alone(hub, hubkeep):
    content = Generated(200 * MIB, "long")
    repo = hub.add_repo("model", "org/long", {"model.bin": content})
    xet = Xet(hubkeep(hub, **SERVE), repo)
    first = 150 * MIB + 12_345
    assert same(xet.read(content, "v2", first, first + 99_999), content.read(first, 100_000))
    assert hub.bytes_sent("cdn") <= 20 * MIB


# Who may

def test_a_token_opens_its_own_repo_as_far_as_it_is_known(hub, daemon, repo):
    secret = Generated(50_000, "elsewhere")
    other = hub.add_repo("model", "org/other", {"other.bin": secret})
    expect_file(ask(daemon, file_path(other, "other.bin")), secret)     # known, and on the disk
    later = repo.commit({"added.bin": Generated(40_000, "added")})
    added = repo.find(later).entries["added.bin"].content
    old = Xet(daemon, repo, repo.find(later).parent.sha)
    for content in (secret, added, Generated(5, "nowhere")):
        for path in (f"/v2/reconstructions/{content.xet_hash}", f"/reconstruction/{content.xet_hash}",
                     f"/v1/xorbs/default/{content.xet_hash[:56]}00000000",
                     f"/v1/reconstructions?file_id={content.xet_hash}"):
            assert old.ask(path).status == 404, path
        assert old.ask(f"/v1/files/{content.xet_hash}", "HEAD").status == 404
    assert same(Xet(daemon, repo, later).read(added), added.bytes())
    assert same(old.read(added), added.bytes()), "now it is known"


def changed(token: str) -> list[str]:
    """Forgeries: each part of it, its signature, and what it says, a little different."""
    text, _, mac = token.partition(".")
    claims = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    richer = base64.urlsafe_b64encode(claims.replace(b"org/", b"gro/")).decode().rstrip("=")
    flipped = ("A" if mac[0] != "A" else "B") + mac[1:]
    return ["", ".", "x", text, f"{text}.", f".{mac}", f"{text}.{flipped}", f"{text}.{mac[:-2]}",
            f"{richer}.{mac}", f"{token}.{token}", token * 50]


def test_forged_tokens_and_addresses(hub, daemon, repo):
    xet = Xet(daemon, repo)
    plan = xet.plan(MODEL)
    url, *_ = place_of(plan, plan["terms"][0]["hash"])
    path, _, query = url.partition("?")
    shown = re.search("token=([^&]*)", query)[1]
    all_published(daemon, [MODEL.sha256])       # it was sent for when the plan was asked for
    hub.reset_counts()
    asked = {"authorization": [f"Bearer {it}" for it in changed(xet.token)] + [
        "Basic " + xet.token, xet.token, "Bearer " + new_token(), "Bearer " + shown]}
    for value in asked["authorization"]:
        answer = xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}", authorization=value)
        assert answer.status in (401, 403), (value, answer)
    assert ask(daemon, f"{CAS}/v2/reconstructions/{MODEL.xet_hash}").status == 401
    for value in changed(shown):
        answer = fetch(daemon, url.replace(shown, value), range="bytes=0-99")
        assert answer.status in (401, 403, 414), (value, answer)
    assert fetch(daemon, path, range="bytes=0-99").status in (401, 403)
    # An address is for the xorbs of its file.
    other = url.replace(MODEL.xet_hash[:56], ONE.xet_hash[:56])
    assert fetch(daemon, other, range="bytes=0-8").status == 403
    assert hub.requests == []


def test_tokens_and_addresses_outlive_a_restart(hub, daemon, repo):
    xet = Xet(daemon, repo)
    plan = xet.plan(MODEL)
    daemon.restart()
    assert same(b"".join(xet.read_term(plan, it) for it in plan["terms"]), MODEL.bytes())
    assert same(xet.read(MODEL), MODEL.bytes())


@pytest.mark.parametrize("trait", ("gated", "private"))
def test_a_repo_that_is_not_open_to_all(hub, hubkeep, trait):
    """The same words as over plain HTTP, and no way around them by a hash or an address."""
    owner, other = new_token(), new_token()
    content = Generated(60_000, "closed")
    closed = hub.add_repo("model", "org/closed", {"model.bin": content},
                          **{trait: "manual" if trait == "gated" else True})
    opened = hub.add_repo("model", "org/open", {"same.bin": Generated(50_000, "open")})
    hub.add_token(owner)
    hub.add_token(other, [opened])
    daemon = hubkeep(hub, token=True, access_sharing="verify", **SERVE)
    mine = {"authorization": f"Bearer {owner}"}
    assert same(Xet(daemon, closed, **mine).read(content), content.bytes())
    for headers in ({}, {"authorization": f"Bearer {other}"}):
        plain = ask(daemon, file_path(closed, "model.bin"), **headers)
        answer = ask(daemon, token_path(closed, closed.head), **headers)
        assert answer.status == plain.status >= 401
        for name in ("x-error-code", "x-error-message"):
            assert answer.header(name) == plain.header(name)
        stranger = Xet(daemon, opened, **headers)
        assert stranger.ask(f"/v2/reconstructions/{content.xet_hash}").status == 404
    hub.revoke_token(owner)


def test_a_key_that_was_taken_back_ends_its_tokens(hub, hubkeep, hubkeep_cli, repo):
    daemon = hubkeep(hub, **SERVE)
    added = hubkeep_cli("client", "add", "robot", *daemon.cli_args)
    assert added.returncode == 0, added
    key = added.stdout.strip()
    daemon.restart()
    xet = Xet(daemon, repo, authorization=f"Bearer {key}")
    plan = xet.plan(MODEL)
    assert same(xet.read(MODEL), MODEL.bytes())
    assert [it["user"] for it in daemon.access_log() if "/xorbs/" in it["path"]].count("robot") > 0
    assert hubkeep_cli("client", "rm", "robot", *daemon.cli_args).returncode == 0
    daemon.restart()
    assert xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}").status == 401
    url, *_ = place_of(plan, plan["terms"][0]["hash"])
    assert fetch(daemon, url, range="bytes=0-99").status in (401, 403)
    assert hub.asked_with(key) == []


@pytest.mark.parametrize("setting", ({"xet": "strip"}, {"xet_rules": "org/x*=strip"}))
def test_a_repo_that_is_stripped_has_no_tokens(hub, hubkeep, repo, setting):
    other = hub.add_repo("model", "org/other", FILES)
    daemon = hubkeep(hub, **{**SERVE, **setting})
    answer = ask(daemon, token_path(repo, repo.head))
    assert answer.status == 404 and "HF_HUB_DISABLE_XET" in answer.header("x-error-message")
    if "xet_rules" in setting:
        assert same(Xet(daemon, other).read(MODEL), MODEL.bytes())
    assert hub.count(path="xet-read-token") == 0


def test_nothing_is_written(hub, daemon, repo):
    xet = Xet(daemon, repo)
    hub.reset_counts()
    for path in (f"/api/models/{repo.id}/xet-write-token/main",
                 f"/api/models/{repo.id}/xet-write-token/main?create_pr=1"):
        answer = ask(daemon, path)
        assert answer.status in (403, 404, 405, 501), answer
        assert "xet-access-token" not in str(answer.headers) and b"accessToken" not in answer.body
    one = "a" * 64
    for path in (f"/v1/xorbs/default/{one}", f"/xorb/default/{one}", "/v1/shards", "/v2/shards",
                 "/shards", f"/shard/default/{one}", f"/v1/xorb-grants/{one}",
                 f"/v1/xorb-commits/{one}"):
        answer = ask(daemon, CAS + path, "POST", body=b"x" * 1000,
                     authorization=f"Bearer {xet.token}")
        assert 400 <= answer.status < 500 or answer.status == 501, (path, answer)
    for path in (f"/v1/chunks/default-merkledb/{one}", f"/chunk/default/{one}"):
        assert xet.ask(path).status == 404
    assert hub.requests == []


def test_telemetry_is_dropped_at_once(hub, daemon, repo):
    xet = Xet(daemon, repo)
    hub.reset_counts()
    for path in ("/v1/telemetry", CAS + "/v1/telemetry"):
        answer = ask(daemon, path, "POST", body=b'{"events": []}' * 100,
                     content_type="application/json", authorization=f"Bearer {xet.token}")
        assert answer.status in (200, 204) and answer.body == b""
    assert hub.requests == []


@pytest.mark.parametrize("path", (
    "/v2/reconstructions/", "/v2/reconstructions/short", "/v2/reconstructions/" + "g" * 64,
    "/v2/reconstructions/" + "A" * 64, "/v3/reconstructions/" + "a" * 64, "/", "",
    "/v1/xorbs/default/short", "/v1/reconstructions?file_id=x", "/v1/reconstructions",
    pytest.param("/v1/reconstructions?" + "&".join(["file_id=" + "a" * 64] * 200), id="too many")))
def test_what_is_no_address(daemon, repo, path):
    assert 400 <= Xet(daemon, repo).ask(path).status < 500


def test_answers_are_bounded(hub, hubkeep):
    content = Vast(300 << 40, "endless")
    repo = hub.add_repo("model", "org/endless", {"model.bin": content})
    xet = Xet(hubkeep(hub, cache_max_size="1000TiB", **SERVE), repo)
    for name in (*V1_NAMES, "/v2/reconstructions/"):
        answer = xet.ask(name + content.xet_hash)
        assert answer.status == 400 and len(answer.body) < SLACK, answer
    batch = xet.ask(f"/v1/reconstructions?file_id={content.xet_hash}")
    assert batch.status == 400
    body = f'[{",".join(50_000 * ["{}"])}]'
    answer = ask(xet.daemon, CAS + "/v1/reconstructions", "POST", body=body,
                 authorization=f"Bearer {xet.token}")
    assert answer.status in (400, 413)


# When the Hub is gone, wrong, or the file is large

@pytest.mark.parametrize("offline", (True, False))
def test_what_is_not_there_is_said_when_the_hub_is_gone(hub, daemon, repo, offline):
    xet = Xet(daemon, repo)
    plan = xet.plan(ONE)
    xet.read(ONE)
    all_published(daemon, [ONE.sha256])
    with hub.gate(MODEL.sha256, origin="cdn"):
        known = xet.plan(MODEL)
        daemon.kill()
    hub.down()
    daemon.restart(offline=offline)
    if not offline:
        ask(daemon, file_path(repo, "no such file"))    # it finds out that nobody answers
    url, *_ = place_of(known, known["terms"][2]["hash"])
    began = time.monotonic()
    for answer in (xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}"),
                   fetch(daemon, url, range="bytes=0-99")):
        assert answer.status == 530 and "model.bin" in answer.header("x-error-message"), answer
    assert time.monotonic() - began < 3
    assert xet.read_term(plan, plan["terms"][0]) == ONE.bytes()


def test_a_wrong_file_is_taken_back_whole(hub, daemon, repo):
    """Nobody may make up a file from what came before it was found wrong and what came after."""
    hub.fault(MODEL.sha256, "wrong_byte", origin="cdn", at=100, times=1)
    xet = Xet(daemon, repo)
    plan = xet.plan(MODEL)
    answers = []
    for term in plan["terms"]:
        url, _, (first, last) = place_of(plan, term["hash"])
        answers.append(fetch(daemon, url, range=f"bytes={first}-{last}"))
    wait_until(lambda: MODEL.sha256 in daemon.log(), "the wrong byte is noticed")
    assert answers[-1].failed, "the last bytes are held back until the digest is right"
    for restarted in (False, True):
        if restarted:
            daemon.restart()
        for term in plan["terms"]:
            url, _, (first, last) = place_of(plan, term["hash"])
            answer = fetch(daemon, url, range=f"bytes={first}-{last}")
            assert answer.status == 410, "of an address from before"
        rest = xet.ask(f"/v2/reconstructions/{MODEL.xet_hash}", range=f"bytes={TERM}-")
        assert rest.status == 410, "what the client has would be made up with what it asks for now"
    assert same(xet.read(MODEL), MODEL.bytes()), "who begins anew has nothing of it"
    anew = {it["hash"] for it in xet.plan(MODEL)["terms"]}
    assert anew.isdisjoint(it["hash"] for it in plan["terms"]), "clients keep xorbs by their names"


@pytest.mark.parametrize("connections", ("1", "8"))
def test_a_file_above_what_the_cdn_sends_in_one_answer(hub, hubkeep, connections):
    size = 60_000_000_000
    content = Vast(size, "vast")
    repo = hub.add_repo("model", "org/vast", {"model.bin": content})
    hub.cdn.most_bytes = 50_000_000_000
    daemon = hubkeep(hub, upstream_connections_per_file=connections, cache_max_size="1TiB",
                     **SERVE)
    xet = Xet(daemon, repo)
    for first in (0, 55_000_000_000, size - 100_000):
        assert same(xet.read(content, "v2", first, first + 99_999), content.read(first, 100_000))
    assert [it.status for it in hub.requests if it.origin == "cdn" and it.status != 206] == []
    assert hub.bytes_sent("cdn") <= 3 * 20 * MIB
    assert xet.ask(f"/v1/files/{content.xet_hash}", "HEAD").header("content-length") == str(size)
    plan = xet.plan(content, "v2", 0, 255_999_999)
    assert sum(it["unpacked_length"] for it in plan["terms"]) >= 256_000_000
