"""Listings from knowledge: what passed once is not asked again, and nothing is ever invented.

The counts are of requests that reached the Hub; each of them is one that a client waits for.
"""
import json
import re
import urllib.parse

import pytest

from fault.support import ask, file_path, is_sanitized, memory, wait_until
from hub import Generated
from hub.listings import cursor_behind, row_of

FILES = {
    "README.md": b"# hello\n", "config.json": b'{"a": 1}', "weights.bin": Generated(300_000, "w"),
    "onnx/model.onnx": Generated(200_000, "o"), "onnx/quantized/model.onnx": Generated(90_000, "q"),
    "sub dir/we#ird%20+\u00f1.txt": b"odd", "empty": b"",
}
HF_HUB = {"user_agent": "unknown/None; hf_hub/1.29.0; python/3.11"}


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/known", FILES)


def api(repo, rest="") -> str:
    return f"/api/{repo.plural}/{repo.id}{rest}"


def tree(daemon, repo, folder="", query="recursive=true", revision=None, **headers):
    path = api(repo, f"/tree/{revision or repo.head}")
    if folder:
        path += "/" + urllib.parse.quote(folder, safe="")
    return ask(daemon, f"{path}?{query}", **headers)


def paths_info(daemon, repo, paths, expand=False, revision=None):
    body = json.dumps({"paths": paths, "expand": expand})
    return ask(daemon, api(repo, f"/paths-info/{revision or repo.head}"), "POST", body=body,
               content_type="application/json")


def walk(daemon, repo, query="recursive=true", folder="") -> list[list[dict]]:
    """All pages, each found by the Link of the one before."""
    pages, answer = [], tree(daemon, repo, folder, query)
    while True:
        assert answer.status == 200, answer
        pages.append(answer.json())
        link = answer.header("link")
        if not link:
            return pages
        url, _, rel = link.partition(">; ")
        assert rel == 'rel="next"' and url.startswith(f"<{daemon.url}/api/"), link
        answer = ask(daemon, url[1 + len(daemon.url):])


def truth(hub, repo, folder="", deep=True) -> list[dict]:
    """What the Hub itself lists."""
    commit = repo.commits[repo.head]
    below = folder + "/" if folder else ""
    return [row_of(hub, commit, it, False) for it in commit.paths
            if it.startswith(below) and (deep or "/" not in it[len(below):])]


def test_after_a_tree_nothing_about_its_commit_is_asked(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    assert ask(daemon, api(repo, "/revision/main")).status == 200
    assert tree(daemon, repo).status == 200
    hub.reset_counts()
    for path, content in FILES.items():
        head = ask(daemon, file_path(repo, path), "HEAD")
        entry = repo.commits[repo.head].entries[path]
        assert head.status == 200 and head.header("etag") == f'"{entry.etag}"', head
        assert head.header("content-length") == str(entry.size), head
    assert paths_info(daemon, repo, [*FILES, "onnx", "none"]).json() == truth_of(hub, repo)
    for folder in ("", "onnx", "onnx/quantized", "sub dir"):
        for deep in (True, False):
            answer = tree(daemon, repo, folder, "recursive=true" if deep else "recursive=false")
            assert answer.is_hit and answer.warning is None, answer
            assert answer.json() == truth(hub, repo, folder, deep)
    assert tree(daemon, repo, query="recursive=True&expand=False").json() == truth(hub, repo)
    assert hub.count("hub") == 0, hub.requests


def truth_of(hub, repo):
    return [it for it in truth(hub, repo) if it["path"] in {*FILES, "onnx"}]


@pytest.mark.parametrize("restarted", (False, True), ids=("running", "restarted"))
def test_siblings_with_blobs_come_from_the_tree(hub, hubkeep, repo, restarted):
    hub_says = hubkeep(hub)
    expected = ask(hub_says, api(repo, "/revision/main?blobs=true")).json()
    daemon = hubkeep(hub)
    assert ask(daemon, api(repo, "/revision/main")).status == 200
    assert tree(daemon, repo).status == 200
    if restarted:
        daemon.restart()
    hub.reset_counts()
    answer = ask(daemon, api(repo, "/revision/main?blobs=True"))
    assert answer.json() == expected
    assert ask(daemon, api(repo, f"/revision/{repo.head}?blobs=true")).json() == expected
    expanded = ask(daemon, api(repo, f"/revision/{repo.head}?expand=sha&expand=siblings")).json()
    assert expanded["sha"] == repo.head and len(expanded["siblings"]) == len(FILES)
    assert hub.count("hub") == 0, hub.requests
    ask(daemon, api(repo, f"/revision/{repo.head}?securityStatus=true"))
    assert hub.count("hub") == 1, "the Hub alone knows about scans"


def test_a_path_that_a_whole_listing_lacks_is_not_there(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    ask(daemon, api(repo, "/revision/main"))
    tree(daemon, repo)
    hub.reset_counts()
    for path in ("nothing", "onnx/nothing", "onnx", "none/at/all", "config.json/below"):
        for method in ("HEAD", "GET"):
            answer = ask(daemon, file_path(repo, path), method)
            assert answer.status == 404, f"{path}: {answer}"
            assert answer.header("x-error-code") == "EntryNotFound", f"{path}: {answer}"
            assert answer.header("x-repo-commit") == repo.head, f"{path}: {answer}"
    for folder in ("additional_chat_templates", "onnx/none", "config.json"):
        answer = tree(daemon, repo, folder, "recursive=false&expand=false", "main")
        assert (answer.status, answer.header("x-error-code")) == (404, "EntryNotFound"), answer
    assert hub.count("hub") == 0, hub.requests


def test_the_listing_of_one_folder_knows_what_is_in_it_only(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    ask(daemon, api(repo, "/revision/main"))
    assert tree(daemon, repo, query="recursive=false").json() == truth(hub, repo, deep=False)
    hub.reset_counts()
    assert ask(daemon, file_path(repo, "config.json"), "HEAD").status == 200
    assert ask(daemon, file_path(repo, "none.txt"), "HEAD").status == 404
    assert ask(daemon, file_path(repo, "none/none.txt"), "HEAD").status == 404
    assert tree(daemon, repo, "additional_chat_templates", "recursive=false").status == 404
    assert hub.count("hub") == 0, hub.requests
    assert ask(daemon, file_path(repo, "onnx/model.onnx"), "HEAD").status == 200
    assert ask(daemon, file_path(repo, "onnx/none"), "HEAD").status == 404
    assert hub.count("hub", "HEAD") >= 2, "what lies deeper was not listed"
    assert tree(daemon, repo).json() == truth(hub, repo)


def test_a_get_of_a_listed_file_costs_one_request(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    ask(daemon, api(repo, "/revision/main"))
    tree(daemon, repo)
    for path, content in (("weights.bin", FILES["weights.bin"]), ("config.json", None)):
        hub.reset_counts()
        assert ask(daemon, file_path(repo, path)).status == 200
        assert hub.count("hub", "HEAD") == 0
        assert hub.count("hub", path="/resolve/") == 1, hub.requests


@pytest.mark.parametrize("seen", ("all", "all, twice", "the first", "the first and the last"))
def test_pages_make_a_listing_when_all_were_seen(hub, hubkeep, repo, seen):
    hub.tree_page_size = 4
    rows = truth(hub, repo)
    assert 8 < len(rows) <= 12, "three pages"
    daemon = hubkeep(hub)
    ask(daemon, api(repo, "/revision/main"))
    whole = seen.startswith("all")
    if whole:
        for _ in range(seen.count(",") + 1):
            assert sum(walk(daemon, repo), []) == rows
    else:
        first = tree(daemon, repo)
        if seen.endswith("last"):
            last = cursor_behind(rows[7]["path"])
            target = re.sub("cursor=[^&]*", "cursor=" + urllib.parse.quote(last),
                            next_target(daemon, first))
            assert ask(daemon, target).json() == rows[8:]
    hub.reset_counts()
    assert ask(daemon, file_path(repo, "zzz"), "HEAD").status == 404
    assert hub.count("hub", "HEAD") == (0 if whole else 1)
    pages = walk(daemon, repo)
    assert sum(pages, []) == rows
    assert len(pages) == (1 if whole else 3)
    asked = {"the first": 2, "the first and the last": 1}.get(seen, 0)
    assert hub.count("hub", path="/tree/") == asked
    assert [len(it) for it in walk(daemon, repo)] == [len(rows)], "now it is whole"
    assert ask(daemon, file_path(repo, "zz"), "HEAD").status == 404
    assert hub.count("hub", "HEAD") == (0 if whole else 1)


def next_target(daemon, answer) -> str:
    return answer.header("link").partition(">")[0][1 + len(daemon.url):]


@pytest.mark.parametrize("limit", (1, 2, 3, 7, 100))
def test_pages_of_ours_show_each_entry_once(hub, hubkeep, repo, limit):
    daemon = hubkeep(hub)
    tree(daemon, repo)
    hub.reset_counts()
    for folder in ("", "onnx"):
        pages = walk(daemon, repo, f"recursive=true&limit={limit}", folder)
        assert sum(pages, []) == truth(hub, repo, folder)
        assert all(len(it) == limit for it in pages[:-1]) and len(pages[-1]) <= limit
    flat = walk(daemon, repo, f"limit={limit}")
    assert sum(flat, []) == truth(hub, repo, deep=False)
    assert hub.count("hub") == 0, hub.requests


def test_a_foreign_cursor_is_for_the_hub(hub, hubkeep, repo):
    hub.tree_page_size = 4
    daemon = hubkeep(hub)
    first = tree(daemon, repo)
    second = ask(daemon, next_target(daemon, first))
    assert sum(walk(daemon, repo), []) == truth(hub, repo)
    hub.reset_counts()
    assert ask(daemon, next_target(daemon, first)).body == second.body, "a page that was kept"
    assert hub.count("hub") == 0
    assert tree(daemon, repo, query="recursive=true&cursor=bogus").status == 400
    assert hub.count("hub") == 1
    hub.down()
    answer = tree(daemon, repo, query="recursive=true&cursor=other")
    assert answer.status == 530, f"never an empty page: {answer}"


def test_paths_that_are_known_are_not_asked(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    assert len(paths_info(daemon, repo, ["config.json", "onnx"]).json()) == 2
    hub.reset_counts()
    assert paths_info(daemon, repo, ["onnx", "config.json"]).is_hit
    assert hub.count("hub") == 0
    answer = paths_info(daemon, repo, ["config.json", "README.md", "none"])
    assert {it["path"] for it in answer.json()} == {"config.json", "README.md"}
    assert hub.count("hub") == 1
    assert paths_info(daemon, repo, ["none", "README.md"]).is_hit
    assert hub.count("hub") == 1
    hub.down()
    assert paths_info(daemon, repo, ["config.json", "README.md", "none"]).status == 200
    answer = paths_info(daemon, repo, ["config.json", "weights.bin"])
    assert answer.status == 530, f"what is not known is not left out: {answer}"


def test_expanded_answers_are_the_hubs_and_fall_back_on_plain_ones(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    ask(daemon, api(repo, "/revision/main"))
    expanded = tree(daemon, repo, query="recursive=true&expand=true").json()
    assert all(it["lastCommit"] for it in expanded)
    hub.reset_counts()
    assert tree(daemon, repo, query="recursive=true&expand=true").json() == expanded
    assert hub.count("hub") >= 1, "what changes is asked again"
    hub.down()
    assert tree(daemon, repo, query="recursive=true&expand=true").json() == expanded
    flat = tree(daemon, repo, query="expand=true")
    assert flat.json() == truth(hub, repo, deep=False) and "last commits" in flat.warning, flat
    found = paths_info(daemon, repo, ["config.json"], expand=True)
    assert [it["path"] for it in found.json()] == ["config.json"] and found.warning, found


def test_files_one_by_one_make_a_part_of_a_listing(hub, hubkeep, repo):
    daemon = hubkeep(hub, revisions_ttl="0s")
    for path in ("config.json", "onnx/quantized/model.onnx"):
        assert ask(daemon, file_path(repo, path)).status == 200
    hub.down()
    info = ask(daemon, api(repo, "/revision/main"))
    assert info.status == 200 and "incomplete" in info.warning, info
    assert info.header("x-repo-commit") == repo.head
    described = info.json()
    assert (described["id"], described["sha"]) == (repo.id, repo.head)
    assert [it["rfilename"] for it in described["siblings"]] == [
        "config.json", "onnx/quantized/model.onnx"]
    listed = tree(daemon, repo)
    assert listed.status == 200 and "incomplete" in listed.warning, listed
    expected = [it for it in truth(hub, repo) if it["path"] in
                {"config.json", "onnx", "onnx/quantized", "onnx/quantized/model.onnx"}]
    assert listed.json() == [it | {"oid": "0" * 40} if it["type"] == "directory" else it
                             for it in expected]
    assert tree(daemon, repo, "onnx/quantized", "recursive=false").status == 200
    marked = tree(daemon, repo, **HF_HUB).json()
    differing = [it for it, other in zip(marked, listed.json(), strict=True) if it != other]
    assert [it["path"] for it in differing] == ["onnx/quantized/model.onnx"]
    assert not re.fullmatch("[0-9a-f]{64}", differing[0]["xetHash"])
    for folder in ("additional_chat_templates", "sub dir"):
        assert tree(daemon, repo, folder, "recursive=false").status == 530, folder
    assert ask(daemon, file_path(repo, "README.md"), "HEAD").status == 530
    hub.up()
    wait_until(lambda: ask(daemon, api(repo, "/revision/main")).warning is None, "back", 30)
    assert tree(daemon, repo, **HF_HUB).json() == truth(hub, repo)


def test_a_second_hubkeep_does_not_keep_what_the_first_could_not_complete(hub, hubkeep, repo):
    first = hubkeep(hub, revisions_ttl="0s")
    ask(first, file_path(repo, "config.json"))
    second = hubkeep(None, upstream_endpoint=first.url, revisions_ttl="0s")
    hub.down()
    assert len(tree(second, repo).json()) == 1
    hub.up()
    wait_until(lambda: ask(first, api(repo, "/revision/main")).warning is None, "back", 30)
    assert tree(second, repo).json() == truth(hub, repo)


def test_pages_of_one_hubkeep_are_read_through_another(hub, hubkeep, repo):
    first = hubkeep(hub)
    tree(first, repo)
    second = hubkeep(None, upstream_endpoint=first.url)
    pages = walk(second, repo, "recursive=true&limit=4")
    assert sum(pages, []) == truth(hub, repo) and len(pages) == 3
    hub.down()
    assert sum(walk(second, repo), []) == truth(hub, repo)


def test_the_listing_of_a_gated_repo_opens_no_file(hub, hubkeep):
    gated = hub.add_repo("model", "org/gated", FILES, gated="auto")
    daemon = hubkeep(hub)
    assert ask(daemon, api(gated, "/revision/main")).status == 200
    assert tree(daemon, gated).status == 200
    for path in ("config.json", "none"):
        answer = ask(daemon, file_path(gated, path), "HEAD")
        assert (answer.status, answer.header("x-error-code")) == (401, "GatedRepo"), answer
    hub.down()
    answer = ask(daemon, file_path(gated, "config.json", gated.head), "HEAD")
    assert answer.status in (401, 530), answer


def test_a_file_that_was_opened_opens_the_listing(hub, hubkeep):
    gated = hub.add_repo("model", "org/gated", FILES, gated="auto")
    daemon = hubkeep(hub, token=True)
    ask(daemon, api(gated, "/revision/main"))
    tree(daemon, gated)
    assert ask(daemon, file_path(gated, "config.json"), "HEAD").status == 200
    hub.reset_counts()
    assert ask(daemon, file_path(gated, "weights.bin"), "HEAD").status == 200
    assert ask(daemon, file_path(gated, "none"), "HEAD").status == 404
    assert hub.count("hub") == 0, hub.requests


def test_descriptions_age_and_entries_do_not(hub, hubkeep, repo):
    daemon = hubkeep(hub, listings_ttl="0s")
    info = api(repo, f"/revision/{repo.head}")
    assert ask(daemon, info).status == 200
    assert tree(daemon, repo).status == 200
    hub.reset_counts()
    assert ask(daemon, info).status == 200
    assert hub.count("hub") == 1, "downloads, likes and gated change"
    assert ask(daemon, file_path(repo, "config.json", repo.head), "HEAD").is_hit
    assert tree(daemon, repo).is_hit
    assert hub.count("hub") == 1
    hub.down()
    late = ask(daemon, info)
    assert late.status == 200 and late.warning, late
    assert ask(daemon, file_path(repo, "config.json", repo.head), "HEAD").warning is None


def test_a_long_listing_costs_no_memory(hub, hubkeep):
    count = 20_000
    files = {f"part-{it // 100:04}/{it:07}.txt": b"%d" % it for it in range(count)}
    repo = hub.add_repo("dataset", "org/long", files)
    daemon = hubkeep(hub)
    assert sum(map(len, walk(daemon, repo))) == count + count // 100
    before = memory(daemon)
    hub.reset_counts()
    for _ in range(3):
        assert len(tree(daemon, repo).json()) == 10_000, "one page is as long as we make them"
        assert sum(map(len, walk(daemon, repo, "recursive=true&limit=1000"))) == count + count // 100
    assert hub.count("hub") == 0, hub.requests
    grown = memory(daemon) - before
    assert is_sanitized() or grown < 48 * 1024 * 1024, f"{grown} bytes more"
