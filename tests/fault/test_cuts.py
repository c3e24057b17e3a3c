"""The way to the Hub breaks, in the middle of files: clients get whole files or know they did not.

Each file has a fault of its own, so that many can be asked for at once. After every test the
content of the store is compared with its names.
"""
import pytest

from fault.support import (MIB, SLACK, all_published, ask, expect_file, file_path, published,
                           together)
from hub import Generated

LARGE = 3 * MIB + 77
SMALL = 9_000
HELD = 64 * 1024    # the daemon keeps this much back until a file is verified
WAYS = pytest.mark.parametrize("reset", (True, False), ids=("reset", "closed"))


def cut_points(size: int) -> list[int]:
    edges = {0, 1, size - HELD - 1, size - HELD, size - 2, size - 1}
    points = sorted(it for it in edges if it >= 0)
    return points + [size * n // 17 for n in range(1, 21 - len(points))]


def first_bytes(records) -> list[int]:
    """Where each request for content began."""
    ranges = [it.header("range") for it in records]
    return [int(it.removeprefix("bytes=").split("-")[0]) if it else 0 for it in ranges]


def requests_for(hub, origin: str, text: str):
    return [it for it in hub.requests if it.origin == origin and it.method == "GET"
            and text in it.path]


@WAYS
def test_cdn_cut_at_20_points_of_large_files(hub, hubkeep, reset):
    files = {f"{at}.bin": Generated(LARGE, at) for at in cut_points(LARGE)}
    assert len(files) == 20
    repo = hub.add_repo("model", "org/large", files)
    daemon = hubkeep(hub)
    for path, content in files.items():
        hub.fault(content.sha256, "cut", origin="cdn", at=int(path[:-4]), reset=reset)
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    for (path, content), answer in zip(files.items(), answers):
        expect_file(answer, content)
        begins = first_bytes(requests_for(hub, "cdn", content.sha256))
        assert begins == [0, int(path[:-4])], f"{path} was not resumed where it broke"
        assert hub.bytes_sent("cdn", content.sha256) <= 1.1 * LARGE
    all_published(daemon, [it.sha256 for it in files.values()])


@WAYS
def test_hub_cut_at_20_points_of_small_files(hub, hubkeep, reset):
    files = {f"{at}.json": Generated(SMALL, at) for at in cut_points(SMALL)}
    assert len(files) == 20
    repo = hub.add_repo("model", "org/small", files)
    daemon = hubkeep(hub)
    for path in files:
        hub.fault(f"resolve-cache.*/{path}$", "cut", method="GET", at=int(path[:-5]), reset=reset)
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    for (path, content), answer in zip(files.items(), answers):
        expect_file(answer, content)
        begins = first_bytes(requests_for(hub, "hub", f"/{path}")[1::2])
        assert len(begins) == 2, f"{path} was asked for at {begins}"
        sent = hub.bytes_sent("hub", f"resolve-cache.*/{path}$")
        assert sent <= 1.1 * SMALL, f"{path} cost {sent} bytes"
    all_published(daemon, [it.git_sha1 for it in files.values()])


def test_every_answer_breaks_and_the_file_arrives_all_the_same(hub, hubkeep):
    content = Generated(2 * MIB, "weak")
    repo = hub.add_repo("model", "org/weak", {"a.bin": content})
    hub.fault(content.sha256, "cut", origin="cdn", at=300_000, times=None)
    daemon = hubkeep(hub)
    expect_file(ask(daemon, file_path(repo, "a.bin")), content)
    assert hub.bytes_sent("cdn") == content.size
    all_published(daemon, [content.sha256])


CUT = ("cut", {"at": MIB})
SHORTLY_BAD = {
    "stall": [("stall", {"at": MIB, "seconds": 60})],
    "stall-at-once": [("stall", {"at": 0, "seconds": 60})],
    "early-close": [("early_close", {})],
    "expired": [("expired", {})],
    "server-error": [("status", {"code": 500})],
    "unavailable": [("status", {"code": 503})],
    "web-page": [("html", {})],
    "cut-chunked": [("chunked", {"at": MIB})],
    "range-ignored": [CUT, ("ignore_range", {})],
    "wrong-content-range": [CUT, ("bad_content_range", {})],
    "wrong-total": [CUT, ("wrong_total", {})],
    "unknown-total": [CUT, ("wrong_total", {"total": "*"})],
    "other-etag": [CUT, ("other_etag", {})],
    "shorter": [("short", {"by": 1000})],
    "no-length": [("no_length", {})],
    "no-length-and-cut": [("no_length", {}), CUT],
    "extra-bytes": [("extra_bytes", {})],
    "compressed": [("gzip", {})],
    "trailer-bomb": [("trailer_bomb", {})],
    "header-bomb": [("header_bomb", {})],
    "many-headers": [("many_headers", {})],
    "changed-protocol": [("switch", {})],
}


def test_one_bad_answer_of_the_cdn_does_not_matter(hub, hubkeep):
    files = {f"{name}.bin": Generated(2 * MIB, name) for name in SHORTLY_BAD}
    repo = hub.add_repo("model", "org/shortly", files)
    daemon = hubkeep(hub, upstream_stall_timeout="1s")
    for name, faults in SHORTLY_BAD.items():
        for kind, options in faults:
            hub.fault(files[f"{name}.bin"].sha256, kind, origin="cdn", **options)
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    bad = [(path, answer) for (path, content), answer in zip(files.items(), answers)
           if answer.status != 200 or answer.body != content.bytes()]
    assert not bad
    all_published(daemon, [it.sha256 for it in files.values()])


@pytest.mark.parametrize("kind", ("early_close", "html", "header_bomb", "many_headers", "switch"))
def test_one_bad_answer_of_the_hub_is_not_believed(hub, hubkeep, kind):
    files = {"config.json": Generated(SMALL, "config"), "a.bin": Generated(MIB, "a")}
    repo = hub.add_repo("model", "org/hub", files)
    daemon = hubkeep(hub)
    for path, content in files.items():
        hub.fault(f"/resolve/.*/{path}$", kind)
        answer = ask(daemon, file_path(repo, path))
        if answer.status != 200:
            assert answer.status >= 500 and answer.header("x-error-code") is None, answer
            answer = ask(daemon, file_path(repo, path))
        expect_file(answer, content)


def test_signed_url_expires_in_the_middle(hub, hubkeep):
    """The second URL is refused as well, so the Hub must be asked a third time."""
    content = Generated(4 * MIB, "expires")
    repo = hub.add_repo("model", "org/expires", {"a.bin": content})
    daemon = hubkeep(hub)
    hub.fault(content.sha256, "cut", origin="cdn", at=3 * MIB)
    with hub.gate(content.sha256, origin="cdn", at=2 * MIB) as gate:
        answers = together(lambda it: it(), [
            lambda: ask(daemon, file_path(repo, "a.bin")),
            lambda: (gate.wait_arrived(), hub.fault(kind="expired"), gate.open())])
    expect_file(answers[0], content)
    seen = [it.status for it in requests_for(hub, "cdn", content.sha256)]
    assert seen == [200, 403, 206]
    assert hub.bytes_sent("cdn") <= 1.1 * content.size
    assert not hub.leaks


def test_more_bytes_than_promised_do_not_become_the_next_answer(hub, hubkeep):
    """The bytes after the end look like an answer to whoever keeps the connection."""
    files = {f"{n}.bin": Generated(MIB, n) for n in range(8)}
    repo = hub.add_repo("model", "org/extra", files)
    daemon = hubkeep(hub, threads=1)
    for n in (0, 2, 4, 6):
        hub.fault(files[f"{n}.bin"].sha256, "extra_bytes", origin="cdn", times=None)
    for path, content in files.items():
        expect_file(ask(daemon, file_path(repo, path)), content)


HOPELESS = {
    "cut": [("cut", {"at": 0})],
    "cut-at-the-end-of-what-was-asked": [("short", {"by": 1})],
    "close-for-length": [("no_length", {}), ("cut", {"at": 0, "reset": False})],
    "refused": [("expired", {})],
    "server-error": [("status", {"code": 500})],
    "web-page": [("html", {})],
    "wrong-total": [("cut", {"at": 100_000}), ("wrong_total", {})],
    "compressed": [("gzip", {})],
}


def test_what_stays_bad_is_an_error_and_nothing_is_kept(hub, hubkeep):
    files = {f"{name}.bin": Generated(MIB, name) for name in HOPELESS}
    repo = hub.add_repo("model", "org/hopeless", files)
    daemon = hubkeep(hub)
    for name, faults in HOPELESS.items():
        for kind, options in faults:
            hub.fault(files[f"{name}.bin"].sha256, kind, origin="cdn", times=None, **options)
    answers = together(lambda path: ask(daemon, file_path(repo, path)), files)
    for path, answer in zip(files, answers):
        assert answer.failed, f"{path}: {answer}"
        assert answer.header("x-error-code") is None, f"{path}: {answer}"
        assert len(answer.body) <= MIB - HELD, f"{path}: {answer}"
    assert published(daemon) == set()
    hub.clear_faults()
    for (path, content), answer in zip(
            files.items(), together(lambda path: ask(daemon, file_path(repo, path)), files)):
        expect_file(answer, content)
    all_published(daemon, [it.sha256 for it in files.values()])


def test_a_hub_that_moves_the_branch_meanwhile_does_not_mix_commits(hub, hubkeep):
    """The transfer breaks, the branch moves, the rest comes: of the commit that was begun."""
    first, second = Generated(4 * MIB, "first"), Generated(4 * MIB, "second")
    repo = hub.add_repo("model", "org/mixed", {"a.bin": first})
    daemon = hubkeep(hub, revisions_ttl="0s")
    hub.fault(first.sha256, "cut", origin="cdn", at=3 * MIB)
    with hub.gate(first.sha256, origin="cdn", at=2 * MIB) as gate:
        answers = together(lambda it: it(), [
            lambda: ask(daemon, file_path(repo, "a.bin")),
            lambda: (gate.wait_arrived(), repo.commit({"a.bin": second}), gate.open())])
    expect_file(answers[0], first)
    expect_file(ask(daemon, file_path(repo, "a.bin")), second)
    assert hub.bytes_sent("cdn") <= first.size + second.size + SLACK
