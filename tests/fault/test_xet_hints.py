"""Xet hints: what clients are told about Xet leads to hubkeep, to nobody else, or is not told.

Two modes, and rules between them. In `serve` the hints of a file are the Hub's own hash with
addresses under the name that the client used; in `strip` there are none anywhere.
"""
import json
import re
import urllib.parse

import pytest

from fault.support import ask, file_path, wait_until
from hub import Generated

BIG = Generated(300_000, "big")
FILES = {"config.json": b'{"a": 1}', "tiny.bin": b"twelve bytes", "big.safetensors": BIG,
         "deep/er/twin.bin": BIG}
XET_FILES = {"tiny.bin", "big.safetensors", "deep/er/twin.bin"}
FILE_INFO = "application/vnd.xet-fileinfo+json"
JS = {"accept": f"{FILE_INFO}, */*", "range": "bytes=0-0"}
HF_HUB = {"user_agent": "unknown/None; hf_hub/1.29.0; python/3.11"}


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/hints", FILES)


@pytest.fixture
def serve(hub, hubkeep):
    def start(**flags):
        return hubkeep(hub, **({"xet": "serve", "threads": 1, "revisions_ttl": "1h"} | flags))
    return start


def api(repo, rest="") -> str:
    return f"/api/{repo.plural}/{repo.id}{rest}"


def xet_hash(repo, path="big.safetensors") -> str:
    return repo.commits[repo.head].entries[path].content.xet_hash


def links(answer) -> dict[str, str]:
    found = re.findall(r'<([^>]*)>; rel="([^"]*)"', answer.header("link") or "")
    return {rel: url for url, rel in found}


def expect_hints(answer, repo, origin, path="big.safetensors"):
    known = xet_hash(repo, path)
    assert answer.header("x-xet-hash") == known, answer
    assert links(answer) == {
        "xet-auth": f"{origin}{api(repo)}/xet-read-token/{repo.head}",
        "xet-reconstruction-info": f"{origin}/-/xet/v1/reconstructions/{known}"}


def expect_no_hints(answer):
    assert answer.header("x-xet-hash") is None and not links(answer), answer
    assert b"xetHash" not in answer.body and b"xetEnabled" not in answer.body


def expect_nobody_else(hub, answer):
    """No address but ours, in the fields or in the text."""
    told = json.dumps(answer.headers) + answer.body[:100_000].decode(errors="replace")
    for url in (hub.url, hub.cdn_url, hub.viewer_url, "huggingface.co", "xethub"):
        assert url.partition("//")[2] not in told if "//" in url else url not in told, (url, answer)


def hashes(rows) -> dict[str, str]:
    return {it["path"]: it["xetHash"] for it in rows if "xetHash" in it}


def truth(repo, paths=XET_FILES) -> dict[str, str]:
    return {path: xet_hash(repo, path) for path in paths}


def tree(daemon, repo, query="recursive=true", **headers):
    return ask(daemon, api(repo, f"/tree/{repo.head}?{query}"), **headers)


def paths_info(daemon, repo, paths, expand=False):
    body = json.dumps({"paths": sorted(paths), "expand": expand})
    return ask(daemon, api(repo, f"/paths-info/{repo.head}"), "POST", body=body,
               content_type="application/json")


@pytest.mark.parametrize("path", ("big.safetensors", "tiny.bin"))
@pytest.mark.parametrize("revision", ("main", None), ids=("branch", "commit"))
def test_every_answer_to_a_file_tells_where_xet_is_spoken(hub, serve, repo, path, revision):
    daemon = serve()
    target = file_path(repo, path, revision or repo.head)
    cold = ask(daemon, target, "HEAD")
    assert cold.status == 200 and not cold.is_hit
    expect_hints(cold, repo, daemon.url, path)
    content = ask(daemon, target)
    assert content.body == repo.commits[repo.head].entries[path].content.bytes()
    expect_hints(content, repo, daemon.url, path)
    wait_until(lambda: ask(daemon, target).is_hit, "the file is published")
    for _ in range(3):      # the first from the store, the last from memory
        for method in ("GET", "HEAD"):
            hit = ask(daemon, target, method)
            assert hit.is_hit
            expect_hints(hit, repo, daemon.url, path)
            expect_nobody_else(hub, hit)
    part = ask(daemon, target, range="bytes=2-5")
    assert part.status == 206 and len(part.body) == 4
    expect_hints(part, repo, daemon.url, path)
    unchanged = ask(daemon, target, if_none_match=content.header("etag"))
    assert unchanged.status == 304
    expect_no_hints(unchanged)
    beyond = ask(daemon, target, range="bytes=999999999-")
    assert beyond.status == 416
    expect_no_hints(beyond)


def test_what_has_no_xet_hash_is_offered_as_before(serve, repo):
    daemon = serve()
    for path, word in (("config.json", "resolve"), ("config.json", "raw"),
                       ("big.safetensors", "raw")):
        for method in ("HEAD", "GET", "GET"):
            answer = ask(daemon, file_path(repo, path, word=word), method, accept=JS["accept"])
            assert answer.status == 200 and FILE_INFO not in answer.header("content-type")
            expect_no_hints(answer)


def test_javascript_clients_are_told_in_json(hub, serve, repo):
    daemon = serve()
    target = file_path(repo, "tiny.bin")
    plain = ask(daemon, target)
    for _ in range(3):      # not what is in memory for the plain file
        wait_until(lambda: ask(daemon, target).is_hit, "the file is published")
        for method, asked in (("GET", JS), ("GET", {"accept": FILE_INFO}), ("HEAD", JS)):
            answer = ask(daemon, target, method, **asked)
            assert answer.status == 200 and answer.header("content-type") == FILE_INFO
            assert answer.header("x-linked-size") == "12"
            assert answer.header("x-linked-etag") == plain.header("etag")
            assert answer.header("x-repo-commit") == repo.head
            assert answer.header("content-range") is None and answer.header("etag") is None
            assert answer.header("cache-control") == "no-store"
            expect_hints(answer, repo, daemon.url, "tiny.bin")
            expect_nobody_else(hub, answer)
            if method == "GET":
                told = answer.json()
                assert told == {
                    "hash": xet_hash(repo, "tiny.bin"), "size": 12, "contentType": FILE_INFO,
                    "etag": plain.header("etag"), "refreshUrl": links(answer)["xet-auth"],
                    "reconstructionUrl": links(answer)["xet-reconstruction-info"]}
    assert ask(daemon, target).body == b"twelve bytes"
    assert ask(daemon, target, accept="*/*", range="bytes=0-0").body == b"t"


@pytest.mark.parametrize("flags, headers, origin", [
    ({}, {"host": "localhost:99"}, "http://localhost:99"),
    ({}, {"host": "localhost", "x_forwarded_proto": "https"}, "https://localhost"),
    ({"public_url": "https://models.example/"}, {"host": "models.example"}, "https://models.example"),
], ids=("host", "https in front", "public_url"))
def test_links_have_the_name_that_the_client_used(hub, serve, repo, flags, headers, origin):
    daemon = serve(**flags)
    target = file_path(repo, "tiny.bin")
    for method in ("HEAD", "GET", "GET", "HEAD", "GET"):
        expect_hints(ask(daemon, target, method, **headers), repo, origin, "tiny.bin")
    expect_hints(ask(daemon, target, **JS, **headers), repo, origin, "tiny.bin")
    if not flags:           # what is in memory is for every name
        expect_hints(ask(daemon, target), repo, daemon.url, "tiny.bin")


def test_listings_keep_their_hashes(hub, serve, repo):
    daemon = serve()
    for _ in range(2):      # passed on, then from what it taught
        listed = tree(daemon, repo)
        assert hashes(listed.json()) == truth(repo) and len(listed.json()) == 6
        expect_nobody_else(hub, listed)
    assert hub.count(path="/tree/") == 1
    assert hashes(tree(daemon, repo, "recursive=false").json()) == truth(
        repo, {"tiny.bin", "big.safetensors"})
    for expand in (False, True):
        assert hashes(paths_info(daemon, repo, FILES, expand).json()) == truth(repo)
    for _ in range(2):
        expanded = tree(daemon, repo, "recursive=true&expand=true")
        assert hashes(expanded.json()) == truth(repo)
    other = serve()
    for _ in range(2):
        assert hashes(paths_info(other, repo, FILES).json()) == truth(repo)
    assert ask(daemon, api(repo)).json()["xetEnabled"] is True
    assert ask(daemon, api(repo, "?expand=xetEnabled")).json()["xetEnabled"] is True


def test_what_a_listing_told_is_told_with_the_file(hub, serve, repo):
    daemon = serve()
    tree(daemon, repo)
    ask(daemon, api(repo))
    before = hub.count()
    expect_hints(ask(daemon, file_path(repo, "big.safetensors"), "HEAD"), repo, daemon.url)
    assert hub.count() == before, "nobody was asked for it"


def test_without_the_hub_the_hints_stay(hub, serve, repo):
    daemon = serve(revisions_ttl="0s")
    target = file_path(repo, "big.safetensors")
    ask(daemon, target, "HEAD")
    hub.down()
    daemon.restart()
    stale = ask(daemon, target, "HEAD")
    assert stale.status == 200 and stale.warning, stale
    expect_hints(stale, repo, daemon.url)
    # Of one file alone a listing is no whole, and huggingface_hub must not keep it for ever.
    marked = tree(daemon, repo, **HF_HUB)
    assert "incomplete" in marked.warning
    assert hashes(marked.json()) == {"big.safetensors": "incomplete"}
    assert hashes(tree(daemon, repo).json()) == truth(repo, {"big.safetensors"})
    assert hashes(paths_info(daemon, repo, ["big.safetensors"]).json()) == truth(
        repo, {"big.safetensors"})
    hub.up()
    wait_until(lambda: hashes(tree(daemon, repo).json()) == truth(repo), "the whole", 30)
    hub.down()
    daemon.restart(offline=True)
    assert hashes(tree(daemon, repo, **HF_HUB).json()) == truth(repo)
    expect_hints(ask(daemon, target, "HEAD"), repo, daemon.url)


def everything(daemon, repo):
    """All answers that could hold a hint, each twice: as it passes, and as it is known."""
    for _ in range(2):
        for path in ("tiny.bin", "big.safetensors"):
            for method, asked in (("HEAD", {}), ("GET", {}), ("GET", JS),
                                  ("GET", {"range": "bytes=1-3"})):
                answer = ask(daemon, file_path(repo, path), method, **asked)
                assert answer.status in (200, 206)
                yield answer
        for query in ("recursive=true", "", "expand=true"):
            yield tree(daemon, repo, query)
        yield paths_info(daemon, repo, FILES)
        yield paths_info(daemon, repo, FILES, expand=True)
        for query in ("", "?blobs=true", "?expand=xetEnabled&expand=sha"):
            yield ask(daemon, api(repo, query))
        yield ask(daemon, api(repo, f"/revision/{repo.head}"))


def test_a_stripped_repo_tells_nothing(hub, serve, repo):
    daemon = serve(xet="strip")
    for answer in everything(daemon, repo):
        assert answer.status in (200, 206), answer
        expect_no_hints(answer)
        expect_nobody_else(hub, answer)
    range_of_plain = ask(daemon, file_path(repo, "tiny.bin"), **JS)
    assert range_of_plain.status == 206 and range_of_plain.body == b"t"


def test_rules_speak_of_single_repos(hub, serve, repo):
    old = hub.add_repo("model", "org/old-one", FILES)
    corpus = hub.add_repo("dataset", "org/old-one", FILES)
    daemon = serve(xet_rules="org/old-*=strip")
    for answer in everything(daemon, old):
        expect_no_hints(answer)
    for one in (repo, corpus):
        expect_hints(ask(daemon, file_path(one, "tiny.bin"), "HEAD"), one, daemon.url, "tiny.bin")
        assert hashes(tree(daemon, one).json()) == truth(one)
    # The other way round, on what the first run has kept.
    daemon.restart(xet="strip", xet_rules="org/OLD-*=serve, *=strip")
    for _ in range(2):
        expect_hints(ask(daemon, file_path(old, "tiny.bin"), "GET"), old, daemon.url, "tiny.bin")
        assert hashes(tree(daemon, old, "expand=true").json()) == truth(
            old, {"tiny.bin", "big.safetensors"})
        expect_no_hints(ask(daemon, file_path(repo, "tiny.bin"), "GET"))
        expect_no_hints(tree(daemon, corpus))


def test_a_rule_for_the_new_name_counts_under_the_old_one(hub, serve, repo):
    hub.rename(repo, "org/renamed")
    daemon = serve(xet_rules="org/renamed=strip")
    for path in ("/api/models/org/hints/tree/main?recursive=true", "/api/models/org/hints",
                 "/org/hints/resolve/main/tiny.bin"):
        for _ in range(2):
            answer = ask(daemon, path)
            assert answer.status == 200, path
            expect_no_hints(answer)


@pytest.mark.parametrize("sharing", ("shared", "verify"))
def test_who_may_not_read_learns_no_hash(hub, hubkeep, sharing):
    gated = hub.add_repo("model", "org/gated", FILES, gated="manual")
    reader, stranger = "hf_" + "r" * 34, "hf_" + "s" * 34
    hub.add_token(reader, ["org/gated"])
    hub.add_token(stranger, [])
    flags = {"xet": "serve", "threads": 1, "access_sharing": sharing}
    daemon = hubkeep(hub, **flags)
    for target in (file_path(gated, "tiny.bin"), file_path(gated, "big.safetensors", gated.head)):
        for _ in range(2):
            opened = ask(daemon, target, "HEAD", authorization=f"Bearer {reader}")
            assert opened.status == 200 and opened.header("x-xet-hash")
            for headers in ({}, {"authorization": f"Bearer {stranger}"}):
                for method, asked in (("HEAD", {}), ("GET", {}), ("GET", JS)):
                    closed = ask(daemon, target, method, **asked, **headers)
                    assert closed.status in (401, 403), closed
                    expect_no_hints(closed)


def test_no_token_of_the_hub_passes_under_any_spelling(hub, serve, repo):
    daemon = serve(xet="serve")
    for path in ("/api/models/org/hints/xet-read-token", "/api/models/org/hints/Xet-Read-Token/main",
                 "/api/models/org/hints/xet%2Dread%2Dtoken/main", "/api/models/org/hints/xet-read-token/main",
                 "/api/models/org/hints/XET-WRITE-TOKEN/main", "/api/buckets/org/hints/xet-read-token",
                 "/api/buckets/org/hints/Xet-Write-Token"):
        for method in ("GET", "HEAD", "POST"):
            answer = ask(daemon, path, method)
            told = json.dumps(answer.headers) + answer.body.decode()
            assert urllib.parse.urlsplit(hub.cdn_url).netloc not in told, path
            assert "xet_stand_in" not in told, path
    assert hub.count(path="xet-") == 0, "the Hub is not even asked"
