"""Names that try to leave the place they are given: 200 of them, raw, in every part of every route.

A harmless answer is allowed where a string happens to be a plain name (`....//x`, `a`): the Hub
says then that there is no such file. What is never allowed: bytes from outside, a name that reaches
the Hub with dots in it, a file opened outside of the data folder.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import socket
import urllib.parse

import pytest

from fault.support import is_sanitized, ask, expect_file, file_path
from hub import Generated

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "data/traversal.txt"
STRINGS = CORPUS.read_text().splitlines()
SECRETS = (b"root:x:", b"SQLite format 3", b"hf_", b"bash", b"GNU", b"PATH=")
SHA = "0123456789abcdef" * 2 + "01234567"
ROUTES = {
    "resolve": "/org/repo/resolve/main/{}",
    "pinned": "/org/repo/resolve/" + SHA + "/{}",
    "raw": "/org/repo/raw/main/{}",
    "dataset": "/datasets/org/repo/resolve/main/{}",
    "revision": "/org/repo/resolve/{}/config.json",
    "repo": "/org/{}/resolve/main/config.json",
    "namespace": "/{}/repo/resolve/main/config.json",
    "tree": "/api/models/org/repo/tree/main/{}",
    "tree-revision": "/api/models/org/repo/tree/{}",
    "info": "/api/models/{}",
    "resolve-cache": "/api/resolve-cache/models/org/repo/" + SHA + "/{}",
    "root": "/{}",
    "query": "/api/models?search={}",
    "own": "/-/{}",
}


def raw_request(daemon, target: str) -> tuple[int | None, bytes]:
    """The status and everything that came, for a target that no client library would send."""
    data = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % target.encode()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as sock:
        received = b""
        try:
            sock.sendall(data)
            while piece := sock.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    return (int(found[1]) if found else None), received


def climbs(path: str) -> bool:
    """Whether a path that was sent to the Hub leaves its place when somebody decodes it, once."""
    decoded = urllib.parse.unquote(path.partition("?")[0], errors="surrogateescape")
    return any(it in (".", "..") for it in decoded.split("/")) or "\0" in decoded


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/repo", {"config.json": b"{}", "a.bin": Generated(50_000, 1)})


@pytest.mark.parametrize("token", (False, True), ids=("anonymous", "service-token"))
def test_200_strings_on_every_route(hub, hubkeep, repo, tmp_path, token):
    assert len(STRINGS) >= 200
    daemon = hubkeep(hub, token=token, revisions_ttl="1h")
    for path in repo.find("main").entries:
        assert ask(daemon, file_path(repo, path)).status == 200
    (daemon.data_dir.parent / "outside").write_text("PATH=canary")
    hub.reset_counts()
    wrong = []

    def probe(case):
        route, text = case
        status, received = raw_request(daemon, ROUTES[route].format(text))
        if status is None or not (200 <= status < 500 or status == 530):
            wrong.append(f"{route} {text!r}: {status}")
        if any(it in received for it in SECRETS):
            wrong.append(f"{route} {text!r} gave {received[:200]}")
        if status == 200 and route in ("pinned", "dataset"):
            wrong.append(f"{route} {text!r} found a file where there is none")

    cases = [(route, text) for route in ROUTES for text in STRINGS]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(probe, cases))
    assert not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:20]}"
    climbing = {it.path for it in hub.requests if climbs(it.path)}
    assert not climbing, f"sent to the Hub: {sorted(climbing)[:20]}"
    malformed = [it.fault for it in hub.requests if it.method == "?"]
    assert not malformed, f"the Hub could not read what it was sent: {malformed}"
    assert daemon.running
    expect_file(ask(daemon, file_path(repo, "a.bin")), repo.find("main").entries["a.bin"].content)


def test_the_strings_offline(hub, hubkeep, repo):
    """Without the Hub the index alone answers: it knows none of these names."""
    daemon = hubkeep(hub, offline=True)
    for route in ("resolve", "raw", "tree", "info", "resolve-cache", "root"):
        for text in STRINGS:
            status, received = raw_request(daemon, ROUTES[route].format(text))
            assert status is not None and status != 500, f"{route} {text!r}: {status}"
            assert not any(it in received for it in SECRETS), f"{route} {text!r}"


def test_no_file_outside_of_the_data_folder_is_opened(hub, hubkeep, repo, tmp_path):
    if is_sanitized():
        pytest.skip("a leak check cannot run under strace")
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    daemon = hubkeep(hub, prefix=("strace", "-D", "-f", "-qq", "-o", str(trace), "-e",
                                  "trace=open,openat,openat2,creat,link,linkat,symlinkat,"
                                  "unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,execve"))
    before = trace.stat().st_size
    for route in ("resolve", "raw", "tree", "repo"):
        for text in STRINGS:
            raw_request(daemon, ROUTES[route].format(text))
    expect_file(ask(daemon, file_path(repo, "a.bin")), repo.find("main").entries["a.bin"].content)
    with open(trace) as file:
        file.seek(before)
        calls = file.read()
    names = set(re.findall(r'(?:open|openat|openat2|creat|link|linkat|symlinkat|unlink|unlinkat|'
                           r'rename|renameat|renameat2|mkdir|mkdirat|execve)\(.*?"([^"]*)"', calls))
    assert any("blobs" in it or "partials" in it for it in names), f"nothing was traced: {names}"
    # Time zones and host names are looked up by libraries; no name of theirs comes from a request.
    harmless = re.compile(r"^(/etc/(localtime|resolv\.conf|hosts|nsswitch\.conf|host\.conf|"
                          r"ld\.so\.cache|gai\.conf)|/usr/share/zoneinfo/.*|/(usr/)?lib.*\.so.*|"
                          r"/proc/self/.*|/sys/.*|/proc/.*)$")
    outside = {it for it in names if it.startswith("/") and not harmless.match(it)
               and not pathlib.Path(it).is_relative_to(daemon.data_dir)}
    assert not outside
    climbing = {it for it in names if ".." in it.split("/")}
    assert not climbing


PLANTS = ("symlink", "fifo", "folder", "empty", "short", "unreadable")


@pytest.mark.parametrize("plant", PLANTS)
def test_something_else_lies_where_a_blob_should_be(hub, hubkeep, repo, tmp_path, plant):
    """Never served, never waited for; the file is fetched again."""
    content = repo.find("main").entries["a.bin"].content
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    expect_file(ask(daemon, path), content)
    assert daemon.stop() == 0
    blob = next((daemon.data_dir / "blobs").rglob(content.sha256))
    plant_at(plant, blob, tmp_path)
    daemon.restart()
    answer = ask(daemon, path)
    expect_file(answer, content)
    assert (tmp_path / "elsewhere").read_bytes() == b"outside" * 10_000
    expect_file(ask(daemon, path), content)


def plant_at(plant: str, blob: pathlib.Path, tmp_path: pathlib.Path) -> None:
    data = blob.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"outside" * 10_000)
    blob.unlink()
    if plant == "symlink":
        blob.symlink_to(elsewhere)
    elif plant == "fifo":
        os.mkfifo(blob)
    elif plant == "folder":
        blob.mkdir()
    elif plant == "empty":
        blob.touch()
    elif plant == "short":
        blob.write_bytes(data[:-1])
    else:
        blob.write_bytes(data)
        blob.chmod(0)
