"""The Hub is asked once where a large file is; after that the CDN is asked there directly.

Each request to the Hub counts against its quota, and each way to it costs a round trip.
"""
import pytest

from fault.support import MIB, all_published, ask, expect_file, file_path, next_second, same
from hub import Generated
from support.daemon import new_token

SIZE = 4 * MIB


def asked(hub, origin: str, method=None) -> int:
    return sum(it.origin == origin and method in (None, it.method) for it in hub.requests)


def expect_part(daemon, path: str, content, begin: int, **fields) -> None:
    end = begin + 100
    answer = ask(daemon, path, range=f"bytes={begin}-{end - 1}", **fields)
    assert answer.status == 206 and same(answer.body, content.bytes()[begin:end]), answer


def scene(hub, hubkeep, name: str, **flags):
    content = Generated(SIZE, name)
    repo = hub.add_repo("model", f"org/{name}", {"a.bin": content})
    return content, file_path(repo, "a.bin", repo.head), hubkeep(hub, **flags)


def test_a_cold_file_costs_one_request_to_the_hub(hub, hubkeep):
    content, path, daemon = scene(hub, hubkeep, "cold")
    assert ask(daemon, path, "HEAD").status == 200
    expect_file(ask(daemon, path), content)
    assert asked(hub, "hub") == 1 and asked(hub, "cdn") == 1
    assert hub.bytes_sent("cdn") == SIZE


def test_scattered_ranges_cost_one_request_to_the_hub(hub, hubkeep):
    content, path, daemon = scene(hub, hubkeep, "ranges")
    for begin in (3 * MIB + 5, 7, 2 * MIB + 1, MIB - 3):
        expect_part(daemon, path, content, begin)
    assert asked(hub, "hub") == 1 and asked(hub, "cdn") == 4


def test_a_signature_that_ends_soon_is_not_used_again(hub, hubkeep):
    hub.cdn.ttl = 20.0
    content, path, daemon = scene(hub, hubkeep, "soon")
    for begin in (0, 3 * MIB):
        expect_part(daemon, path, content, begin)
    assert asked(hub, "hub", "GET") == 2
    assert asked(hub, "cdn") == 2


def test_an_address_that_is_refused_is_asked_for_again(hub, hubkeep):
    content, path, daemon = scene(hub, hubkeep, "refused")
    assert ask(daemon, path, "HEAD").status == 200
    hub.fault(content.sha256, "expired", origin="cdn")
    expect_file(ask(daemon, path), content)
    assert asked(hub, "hub", "GET") == 1 and asked(hub, "cdn") == 2
    all_published(daemon, [content.sha256])


def test_an_address_that_gives_another_file_is_asked_for_again(hub, hubkeep):
    content, path, daemon = scene(hub, hubkeep, "other")
    assert ask(daemon, path, "HEAD").status == 200
    hub.fault(content.sha256, "short", origin="cdn", by=1000)
    expect_file(ask(daemon, path), content)
    assert asked(hub, "hub", "GET") == 1


def test_an_address_that_gave_wrong_bytes_is_asked_for_again(hub, hubkeep):
    content, path, daemon = scene(hub, hubkeep, "wrong")
    assert ask(daemon, path, "HEAD").status == 200
    hub.fault(content.sha256, "wrong_byte", origin="cdn", at=MIB)
    assert ask(daemon, path).failed and asked(hub, "hub", "GET") == 0
    expect_file(ask(daemon, path), content)
    assert asked(hub, "hub", "GET") == 1


@pytest.mark.parametrize("code", (None, 429, 503), ids=("down", "429", "503"))
def test_a_hub_in_trouble_ends_no_transfer_whose_address_is_good(hub, hubkeep, code):
    hub.cdn.ttl = 31.0      # to be asked for again after a second
    content, path, daemon = scene(hub, hubkeep, f"trouble{code}")
    assert ask(daemon, path, "HEAD").status == 200
    if code:
        hub.fault("/resolve/", "status", times=None, code=code)
    else:
        hub.down("hub")
    next_second()
    expect_part(daemon, path, content, 0)
    expect_file(ask(daemon, path), content)


def test_a_hub_that_refuses_ends_the_use_of_an_address(hub, hubkeep):
    hub.cdn.ttl = 31.0
    content, path, daemon = scene(hub, hubkeep, "refuses")
    expect_part(daemon, path, content, 0)
    hub.fault("/resolve/", "status", times=None, code=403)
    next_second()
    for begin in (2 * MIB, 3 * MIB):
        answer = ask(daemon, path, range=f"bytes={begin}-{begin + 99}")
        assert answer.failed, answer
    assert asked(hub, "cdn") == 1


def test_what_one_token_was_led_to_is_not_used_for_another(hub, hubkeep):
    content = Generated(SIZE, "own")
    repo = hub.add_repo("model", "org/own", {"a.bin": content}, private=True)
    path, tokens = file_path(repo, "a.bin", repo.head), [new_token(), new_token()]
    for token in tokens:
        hub.add_token(token, [repo])
    daemon = hubkeep(hub)
    for number, token in enumerate([*tokens, *tokens]):
        expect_part(daemon, path, content, number * MIB, authorization=f"Bearer {token}")
    for token in tokens:
        ways = [it for it in hub.asked_with(token, "/resolve/") if it.status == 302]
        assert len(ways) == 1, "the first range of each asks the Hub, the second one does not"
    assert not hub.leaks
