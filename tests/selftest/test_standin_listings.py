"""JSON routes: git is the judge of ids, the client library of the rest."""
import os
import re
import subprocess

import pytest

from .samples import BIG, FILES


def pages(fetch, path):
    """Follows `Link` as clients do; yields each page."""
    while path:
        reply = fetch(path)
        assert reply.status_code == 200, reply.text
        yield reply.json()
        found = re.fullmatch(r'<(http://[^>]+)>; rel="next"', reply.headers.get("link", ""))
        path = found and found[1]


@pytest.fixture
def git_trees(repo, tmp_path):
    """Path -> id of every blob and tree, as real git computes them for the same files."""
    def git(*args):
        return subprocess.run(["git", "-C", str(tmp_path), *args], check=True, text=True,
                              capture_output=True, env=os.environ | {"HOME": str(tmp_path)}).stdout
    git("init", "-q")
    for path, entry in repo.commits[repo.head].entries.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(entry.git_content.bytes())
    git("add", "-A")
    root = git("write-tree").strip()
    rows = git("ls-tree", "-r", "-t", "-z", root).split("\0")[:-1]
    return {path: line.split()[2] for line, path in (row.split("\t") for row in rows)}


def test_tree_ids_are_gits_own(repo, fetch, git_trees):
    rows = fetch("/api/models/org/name/tree/main?recursive=true").json()
    assert {it["path"]: it["oid"] for it in rows} == git_trees
    assert {it["path"] for it in rows if it["type"] == "directory"} == {"deep", "deep/er",
                                                                       "sub dir"}


def test_tree_folders_and_hints(hub, repo, fetch):
    top = fetch("/api/models/org/name/tree/main").json()
    assert [it["path"] for it in top] == ["config.json", "deep", "empty.txt", "model.safetensors",
                                          "sub dir"]
    weights = top[3]
    content = FILES["model.safetensors"]
    assert weights["lfs"] == {"oid": content.sha256, "size": BIG, "pointerSize": 131}
    assert weights["xetHash"] == content.xet_hash and weights["size"] == BIG
    below = fetch("/api/models/org/name/tree/main/sub%20dir").json()
    assert [it["path"] for it in below] == ["sub dir/we#ird%20+ñ.txt"]
    assert fetch("/api/models/org/name/tree/main/deep%2Fer").json()[0]["path"] == "deep/er/notes.md"
    hub.xet = False
    assert "xetHash" not in fetch("/api/models/org/name/tree/main").json()[3]
    missing = fetch("/api/models/org/name/tree/main/additional_chat_templates?recursive=false")
    assert missing.headers["x-error-code"] == "EntryNotFound" and "error" in missing.json()


def test_tree_comes_in_pages(hub, fetch):
    names = {f"f{n:03}.txt": b"x" for n in range(25)}
    hub.add_repo("dataset", "org/many", names)
    hub.tree_page_size = 10
    found = list(pages(fetch, "/api/datasets/org/many/tree/main?recursive=true&expand=true"))
    assert [len(it) for it in found] == [10, 10, 5]
    assert [row["path"] for page in found for row in page] == sorted(names)
    assert len(fetch("/api/datasets/org/many/tree/main?limit=3").json()) == 3
    assert fetch("/api/datasets/org/many/tree/main?cursor=%21").status_code == 400


def test_expand_tells_the_last_change_of_each_path(repo, fetch):
    first = repo.head
    second = repo.commit({"deep/er/notes.md": b"# more\n"}, message="More notes")
    rows = {it["path"]: it for it in
            fetch("/api/models/org/name/tree/main?recursive=true&expand=true").json()}
    assert rows["config.json"]["lastCommit"]["id"] == first
    assert rows["deep/er/notes.md"]["lastCommit"]["title"] == "More notes"
    assert rows["deep"]["lastCommit"]["id"] == second
    assert rows["config.json"]["securityFileStatus"]["status"] == "safe"


def test_paths_info_as_form_and_as_json(repo, fetch):
    path = "/api/models/org/name/paths-info/main"
    form = fetch(path, "POST", data={"paths": ["config.json", "deep", "none"], "expand": "True"})
    assert [(it["path"], it["type"]) for it in form.json()] == [("config.json", "file"),
                                                                ("deep", "directory")]
    assert "lastCommit" in form.json()[0]
    plain = fetch(path, "POST", json={"paths": ["model.safetensors"]})
    assert plain.json()[0]["xetHash"] and "lastCommit" not in plain.json()[0]
    many = fetch(path, "POST", json={"paths": [f"f{n}" for n in range(1001)]})
    assert (many.status_code, many.json()["error"]) == (413, "too many parameters")


def test_info_in_its_forms(repo, fetch):
    old = repo.head
    repo.commit({"new.txt": b"new"})
    plain = fetch("/api/models/org/name").json()
    assert plain["sha"] == repo.head and plain["id"] == plain["modelId"] == "org/name"
    assert {"rfilename": "new.txt"} in plain["siblings"]
    pinned = fetch(f"/api/models/org/name/revision/{old}?blobs=true").json()
    assert pinned["sha"] == old and len(pinned["siblings"]) == len(FILES)
    weights = next(it for it in pinned["siblings"] if it["rfilename"] == "model.safetensors")
    assert weights["lfs"] == {"sha256": FILES["model.safetensors"].sha256, "size": BIG,
                              "pointerSize": 131}
    narrow = fetch("/api/models/org/name?expand=sha&expand[]=gated").json()
    assert set(narrow) == {"_id", "id", "sha", "gated"}
    assert fetch("/api/models/org/name?expand=nonsense").status_code == 400


def test_refs_and_commits(repo, fetch):
    shas = [repo.head, *(repo.commit({"n.txt": b"%d" % n}) for n in range(6))]
    repo.branch("dev/two", shas[1])
    repo.tag("v1", shas[0])
    repo.branch("refs/convert/parquet", shas[2])
    repo.branch("refs/pr/7", shas[3])
    found = fetch("/api/models/org/name/refs").json()
    assert {"name": "dev/two", "ref": "refs/heads/dev/two",
            "targetCommit": shas[1]} in found["branches"]
    assert found["tags"] == [{"name": "v1", "ref": "refs/tags/v1", "targetCommit": shas[0]}]
    assert found["converts"][0]["name"] == "parquet" and "pullRequests" not in found
    with_prs = fetch("/api/models/org/name/refs?include_prs=1").json()
    assert with_prs["pullRequests"][0]["ref"] == "refs/pr/7"
    listed = list(pages(fetch, "/api/models/org/name/commits/main?limit=3"))
    assert [it["id"] for page in listed for it in page] == shas[::-1]
    assert fetch("/api/models/org/name/commits/main").headers["x-total-count"] == "7"


def test_search_pages_and_hides_private_repos(hub, fetch):
    for n in range(5):
        hub.add_repo("model", f"org/bert-{n}", {}, private=n == 2)
    hub.add_repo("model", "org/gpt", {})
    found = list(pages(fetch, "/api/models?search=bert&limit=3"))
    assert [it["id"] for page in found for it in page] == [f"org/bert-{n}" for n in (0, 1, 3, 4)]
    assert fetch("/api/datasets?search=bert").json() == []


def test_side_routes(hub, repo, fetch):
    assert fetch("/").status_code == 200 and fetch("/org/name").status_code == 200
    assert fetch("/api/telemetry/gradio", "HEAD").status_code == 204
    assert fetch("/api/agent-harnesses").status_code == 404
    token = fetch(f"/api/models/org/name/xet-read-token/{repo.head}")
    assert token.json()["accessToken"] == token.headers["x-xet-access-token"]
    assert hub.count(path="xet-read-token") == 1
    assert fetch("/api/repos/create", "POST", json={"name": "x"}).status_code == 403
