"""File routes and the CDN, against git itself where git knows the answer."""
import hashlib
import subprocess

import pytest

from hub import Generated, Vast

from .samples import BIG, FILES

WEIRD = "/org/name/resolve/main/sub%20dir/we%23ird%2520%2B%C3%B1.txt"
LFS = "/org/name/resolve/main/model.safetensors"


def git_hash(data: bytes) -> str:
    done = subprocess.run(["git", "hash-object", "--stdin"], input=data, capture_output=True,
                          check=True)
    return done.stdout.decode().strip()


def test_generated_bytes_are_the_same_at_any_offset():
    whole = Generated(100_000, 5).bytes()
    assert len(whole) == 100_000 and whole != Generated(100_000, 6).bytes()
    for start, length in ((0, 1), (15, 2), (16, 16), (99_990, 100), (65_535, 2)):
        assert Generated(100_000, 5).read(start, length) == whole[start:start + length]
    assert Generated(100_000, 5).sha256 == hashlib.sha256(whole).hexdigest()


def test_a_vast_file_costs_nothing_and_the_cdn_sends_it_in_ranges_only(hub, fetch):
    size, limit = 60_000_000_000, 50_000_000_000
    content = Vast(size, "vast")
    hub.add_repo("model", "org/vast", {"model.bin": content})
    hub.cdn.most_bytes = limit
    head = fetch("/org/vast/resolve/main/model.bin", "HEAD")
    assert (head.headers["x-linked-size"], head.headers["x-linked-etag"]) == (
        str(size), f'"{content.sha256}"')
    place = head.headers["location"]
    for wanted in (None, f"bytes=0-{limit}"):
        assert fetch(place, headers={"Range": wanted} if wanted else {}).status_code == 400
    at = 55_000_000_000
    part = fetch(place, headers={"Range": f"bytes={at}-{at + 99}"})
    assert part.status_code == 206 and part.content == content.read(at, 100)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_small_file_redirects_to_the_pinned_cache(repo, fetch, method):
    first = fetch("/org/name/resolve/main/config.json", method)
    assert first.status_code == 307 and first.headers["x-repo-commit"] == repo.head
    assert first.headers["location"].startswith(
        f"/api/resolve-cache/models/org/name/{repo.head}/config.json?%2Forg%2Fname%2Fresolve")
    second = fetch(first.headers["location"], method)
    body = FILES["config.json"]
    assert second.status_code == 200 and second.headers["content-length"] == str(len(body))
    assert second.headers["etag"] == f'"{git_hash(body)}"'
    assert second.headers["x-repo-commit"] == repo.head
    assert second.content == (body if method == "GET" else b"")


def test_names_are_decoded_once(hub, repo, fetch):
    place = fetch(WEIRD).headers["location"]
    assert fetch(place).content == FILES["sub dir/we#ird%20+ñ.txt"]
    assert fetch("/org/name/resolve/main/sub%20dir/we%23ird%20%2B%C3%B1.txt").status_code == 404


def test_empty_canonical_private_and_gated_files_are_answered_directly(hub, repo, fetch):
    empty = fetch("/org/name/resolve/main/empty.txt")
    assert (empty.status_code, empty.headers["content-length"]) == (200, "0")
    assert empty.headers["etag"] == f'"{git_hash(b"")}"'
    hub.add_token("hf_reader0001")
    login = {"Authorization": "Bearer hf_reader0001", "Accept-Encoding": "identity"}
    hub.add_repo("model", "gpt2", {"a.json": b"{}"})
    hub.add_repo("dataset", "org/hidden", {"a.json": b"{}"}, private=True)
    hub.add_repo("space", "org/asks", {"a.json": b"{}"}, gated="auto")
    for path in ("/gpt2/resolve/main/a.json", "/datasets/org/hidden/resolve/main/a.json",
                 "/spaces/org/asks/resolve/main/a.json"):
        reply = fetch(path, headers=login)
        assert (reply.status_code, reply.content) == (200, b"{}")


def test_lfs_file_goes_to_the_cdn_with_all_its_headers(hub, repo, fetch):
    content = FILES["model.safetensors"]
    reply = fetch(LFS, "HEAD")
    assert reply.status_code == 302
    assert reply.headers["x-linked-size"] == str(BIG)
    assert reply.headers["x-linked-etag"] == f'"{content.sha256}"'
    assert 'rel="xet-auth"' in reply.headers["link"] and repo.head in reply.headers["link"]
    served = fetch(reply.headers["location"])
    assert served.content == content.bytes()
    assert served.headers["etag"] == f'"{reply.headers["x-xet-hash"]}"'
    assert content.sha256 not in served.headers["etag"]
    hub.cdn.weak_etag = True
    assert fetch(reply.headers["location"], "HEAD").headers["etag"].startswith('W/"')
    assert hub.bytes_sent("cdn") == BIG and hub.count("cdn", "HEAD") == 1


def test_xet_can_be_off_and_json_file_info_is_a_trap(hub, repo, fetch):
    accept = {"Accept": "application/vnd.xet-fileinfo+json, */*"}
    trapped = fetch(LFS, headers=accept)
    assert trapped.headers["content-type"] == "application/vnd.xet-fileinfo+json"
    assert trapped.json()["size"] == BIG
    hub.xet = False
    plain = fetch(LFS, headers=accept)
    assert plain.status_code == 302 and "x-xet-hash" not in plain.headers


@pytest.mark.parametrize("asked, status, label", [
    ("bytes=0-0", 206, f"bytes 0-0/{BIG}"), ("bytes=5-", 206, f"bytes 5-{BIG - 1}/{BIG}"),
    ("bytes=-7", 206, f"bytes {BIG - 7}-{BIG - 1}/{BIG}"),
    (f"bytes=10-{BIG + 9}", 206, f"bytes 10-{BIG - 1}/{BIG}"),
    (f"bytes={BIG}-", 416, f"bytes */{BIG}"), ("bytes=9-3", 200, None),
    ("bytes=0-1,4-5", 200, None), ("lines=1-2", 200, None)])
def test_ranges_of_the_cdn(repo, fetch, asked, status, label):
    place = fetch(LFS).headers["location"]
    reply = fetch(place, headers={"Range": asked})
    assert (reply.status_code, reply.headers.get("content-range")) == (status, label)
    if status == 206:
        first, last = label.removeprefix("bytes ").split("/")[0].split("-")
        assert reply.content == FILES["model.safetensors"].bytes()[int(first):int(last) + 1]


def test_the_cdn_refuses_credentials_late_comers_and_forgers(hub, repo, fetch):
    place = fetch(LFS).headers["location"]
    assert fetch(place, headers={"Authorization": "Bearer x"}).status_code == 400
    assert fetch(place, headers={"Cookie": "token=x"}).status_code == 400
    assert fetch(place, headers={"X-Note": "hf_abcdefghijkl"}).status_code == 200
    assert [it.origin for it in hub.leaks] == ["cdn"] * 3
    hub.reset_counts()
    assert hub.leaks == [] and hub.count() == 0
    assert fetch(place.replace("Signature=", "Signature=0")).status_code == 403
    assert fetch(place.replace("Expires=1", "Expires=2")).status_code == 403
    hub.cdn.ttl = -1
    late = fetch(fetch(LFS).headers["location"])
    assert late.status_code == 403 and "expired" in late.text


def test_a_text_is_compressed_without_length_or_ranges_when_gzip_is_taken(repo, fetch):
    place = fetch("/org/name/resolve/main/config.json").headers["location"]
    reply = fetch(place, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-3"})
    assert reply.status_code == 200 and reply.headers["content-encoding"] == "gzip"
    assert "content-length" not in reply.headers and reply.headers["etag"].startswith('W/"')
    assert reply.content == FILES["config.json"]
    raw = fetch(place, headers={"Accept-Encoding": "identity", "Range": "bytes=0-3"})
    assert (raw.status_code, raw.content) == (206, FILES["config.json"][:4])


def test_raw_gives_the_pointer_of_an_lfs_file(repo, fetch):
    reply = fetch("/org/name/raw/main/model.safetensors")
    pointer = (f"version https://git-lfs.github.com/spec/v1\noid sha256:"
               f"{FILES['model.safetensors'].sha256}\nsize {BIG}\n").encode()
    assert reply.content == pointer and reply.headers["etag"] == f'"{git_hash(pointer)}"'
    text = fetch("/org/name/raw/main/config.json", headers={"If-None-Match": "*"})
    assert (text.status_code, text.content) == (200, FILES["config.json"])


def test_conditions(repo, fetch):
    place = fetch("/org/name/resolve/main/config.json").headers["location"]
    etag = f'"{git_hash(FILES["config.json"])}"'
    same = {"Accept-Encoding": "identity", "If-None-Match": etag}
    assert fetch(place, headers=same).status_code == 304
    wrong = {"Accept-Encoding": "identity", "If-Range": '"other"', "Range": "bytes=0-0"}
    assert fetch(place, headers=wrong).status_code == 200
    assert fetch(place, headers=wrong | {"If-Range": etag}).status_code == 206


def test_revisions_of_every_shape(repo, fetch):
    old = repo.head
    new = repo.commit({"config.json": b"{}", "empty.txt": None}, branch="feature/one")
    repo.commit({"config.json": b"[]"}, branch="refs/pr/1")
    repo.branch("refs/convert/parquet", new)
    repo.tag("v1", old)
    for revision, sha in (("main", old), ("feature%2Fone", new), (new, new), ("v1", old),
                          ("refs%2Fpr%2F1", repo.refs["refs/pr/1"]),
                          ("refs/pr/1", repo.refs["refs/pr/1"]), ("refs/convert/parquet", new)):
        reply = fetch(f"/org/name/resolve/{revision}/config.json", "HEAD")
        assert reply.headers["x-repo-commit"] == sha, revision
    assert fetch("/org/name/resolve/feature%2Fone/empty.txt").status_code == 404
    repo.delete_branch("feature/one")
    gone = fetch("/org/name/resolve/feature%2Fone/config.json")
    assert gone.headers["x-error-code"] == "RevisionNotFound"
    repo.drop_commit(new)
    assert fetch(f"/org/name/resolve/{new}/config.json").status_code == 404


def test_a_renamed_repo_redirects_relatively_with_its_query(hub, repo, fetch):
    hub.rename(repo, "neworg/newname")
    for old, new in (("/org/name/resolve/main/config.json?download=true",
                      "/neworg/newname/resolve/main/config.json?download=true"),
                     ("/api/models/org/name?blobs=true", "/api/models/neworg/newname?blobs=true"),
                     ("/api/models/NewOrg/newname/tree/main",
                      "/api/models/neworg/newname/tree/main")):
        reply = fetch(old)
        assert (reply.status_code, reply.headers["location"]) == (307, new)
    assert fetch("/neworg/newname/resolve/main/empty.txt").status_code == 200
