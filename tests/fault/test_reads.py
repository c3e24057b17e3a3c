"""Every other read of the API: kept, shared, confirmed, served when the Hub is gone, and never
given to the wrong one."""
import time

import pytest

from fault.support import ask, clients_of, file_path, together, wait_until

COLUMN = b"PAR1" + bytes(range(256)) * 64 + b"PAR1"


@pytest.fixture
def repo(hub):
    return hub.add_repo("dataset", "org/table", {"README.md": b"# table", "data.csv": b"a\n1\n"})


@pytest.fixture
def converted(repo):
    repo.commit({"default/train/0000.parquet": COLUMN}, branch="refs/convert/parquet")
    return repo


def reads(repo) -> dict[str, str]:
    api = f"/api/datasets/{repo.id}"
    return {"search": "/api/datasets?search=table", "commits": f"{api}/commits/main",
            "discussions": f"{api}/discussions", "croissant": f"{api}/croissant",
            "parquet": f"{api}/parquet", "viewer": f"/-/datasets-server/info?dataset={repo.id}"}


def of_interest(answer):
    names = ("content-type", "etag", "x-total-count", "x-revision", "link", "cache-control")
    return answer.status, answer.body, {name: answer.header(name) for name in names}


def test_a_read_is_asked_once_and_survives_the_hub(hub, hubkeep, converted):
    daemon = hubkeep(hub)
    first = {name: ask(daemon, path) for name, path in reads(converted).items()}
    assert first["croissant"].header("content-type") == "application/ld+json"
    assert first["commits"].header("x-total-count") == "1"
    assert first["viewer"].header("x-revision") == converted.head
    hub.reset_counts()
    for name, path in reads(converted).items():
        again = ask(daemon, path)
        assert again.is_hit and again.header("age").isdigit(), f"{name}: {again}"
        assert of_interest(again) == of_interest(first[name]), name
    assert hub.requests == []
    daemon.restart(listings_ttl="0s", offline=True)
    for name, path in reads(converted).items():
        stale = ask(daemon, path)
        assert of_interest(stale) == of_interest(first[name]) and stale.warning, f"{name}: {stale}"
        assert ask(daemon, path, "HEAD").header("content-length") == str(len(stale.body))
        unknown = ask(daemon, path + ("&" if "?" in path else "?") + "p=9")
        assert unknown.status == 530 and not unknown.header("x-error-code"), f"{name}: {unknown}"


@pytest.mark.parametrize("trouble", ("down", "503", "429", "portal"))
def test_a_failing_hub_is_covered_by_what_was_seen(hub, hubkeep, repo, trouble):
    daemon = hubkeep(hub, listings_ttl="0s")
    before = ask(daemon, "/api/datasets?search=t")
    if trouble == "down":
        hub.down()
    elif trouble == "portal":
        hub.fault(None, "html", times=None)
    else:
        hub.fault(None, "status", code=int(trouble), times=None)
    stale = ask(daemon, "/api/datasets?search=t")
    assert stale.status == 200 and stale.body == before.body and stale.warning, stale
    unknown = ask(daemon, "/api/datasets?search=other")
    assert unknown.status == (429 if trouble == "429" else 530), unknown


def test_all_who_ask_at_once_share_one_request(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    path = "/api/datasets?search=together"

    def run(number):
        if number < 24:
            return ask(daemon, path)
        gate.wait_arrived(1)
        wait_until(lambda: clients_of(daemon) >= 24, "all are connected")
        gate.open()

    with hub.gate("^/api/datasets$") as gate:
        answers = together(run, range(25))[:24]
    assert {it.status for it in answers} == {200}
    assert len({it.body for it in answers}) == 1
    assert hub.count("hub", path="^/api/datasets$") == 1


def test_an_answer_for_one_alone_is_shared_with_nobody(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    path = "/api/datasets?search=mine"
    for control in ("private, max-age=60", "no-store"):
        hub.clear_faults()
        hub.fault("^/api/datasets$", "status", code=200, times=None, body="[]",
                  headers={"Content-Type": "application/json", "Cache-Control": control})
        hub.reset_counts()
        together(lambda _: ask(daemon, path), range(6))
        ask(daemon, path)
        assert hub.count("hub", path="^/api/datasets$") == 7, control


def test_what_must_be_confirmed_is_never_stale(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    for control in ("no-cache", "max-age=0, must-revalidate", "s-maxage=0"):
        hub.clear_faults()
        hub.up()
        hub.fault("^/api/papers", "status", code=200, times=None, body="[]",
                  headers={"Content-Type": "application/json", "Cache-Control": control})
        path = f"/api/papers?q={control.split('=')[0].split(',')[0]}"
        wait_until(lambda: ask(daemon, path).status == 200, "the Hub is asked again")
        hub.down()
        gone = ask(daemon, path)
        assert gone.status == 530 and gone.body != b"[]", (control, gone)


def test_a_confirmation_costs_no_body(hub, hubkeep, repo):
    daemon = hubkeep(hub, listings_ttl="0s")
    path = "/api/datasets?search=table"
    first = ask(daemon, path)
    sent = hub.bytes_sent("hub")
    again = ask(daemon, path)
    assert again.body == first.body and again.header("cache-status") == "hubkeep; fwd=stale"
    assert hub.bytes_sent("hub") == sent and hub.requests[-1].status == 304
    own = ask(daemon, path, if_none_match=first.header("etag"))
    assert own.status == 304 and own.body == b"" and own.header("etag") == first.header("etag")
    hub.add_repo("dataset", "org/table-2", {})
    assert b"table-2" in ask(daemon, path).body


def test_lists_of_one_token_are_not_those_of_another(hub, hubkeep, repo):
    tokens = ["hf_" + letter * 34 for letter in "ab"]
    for token in tokens:
        hub.add_token(token)
    daemon = hubkeep(hub)
    path = "/api/datasets?search=table"
    asked = [{"authorization": f"Bearer {token}"} for token in tokens] + [{}]
    for round in range(2):
        for fields in asked:
            assert ask(daemon, path, **fields).is_hit == (round == 1)
    seen = [it.header("authorization") for it in hub.requests if it.path == "/api/datasets"]
    assert seen == [f"Bearer {token}" for token in tokens] + [None]


def test_what_belongs_to_an_account_is_not_asked_with_our_token(hub, hubkeep, repo):
    daemon = hubkeep(hub, token=True)
    own = "hf_" + "c" * 34
    hub.add_token(own)
    for path in (f"/api/datasets/{repo.id}/jwt", "/api/settings/billing", "/api/notifications"):
        hub.reset_counts()
        for _ in range(2):
            ask(daemon, path)
            ask(daemon, path, authorization=f"Bearer {own}")
        seen = [it.header("authorization") for it in hub.requests]
        assert seen == [None, f"Bearer {own}"] * 2, path


def test_a_refusal_is_for_the_token_it_was_given_to(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    path, wrong = f"/api/datasets/{repo.id}/discussions", {"authorization": "Bearer hf_" + "w" * 34}

    def run(number):
        if number == 0:
            return ask(daemon, path, **wrong)
        gate.wait_arrived(1)
        if number == 1:
            return ask(daemon, path)
        gate.wait_arrived(2)
        gate.open()

    with hub.gate("discussions") as gate:
        refused, served, _ = together(run, range(3))
    assert refused.status == 401 and served.status == 200, (refused, served)


def test_pages_lead_to_us_and_are_kept_apart(hub, hubkeep):
    for number in range(5):
        hub.add_repo("model", f"org/m{number}", {})
    daemon = hubkeep(hub)
    for _ in range(2):
        names, path = [], "/api/models?search=org%2Fm&limit=2"
        while path:
            page = ask(daemon, path)
            names += [it["id"] for it in page.json()]
            link = page.header("link")
            assert not link or link.startswith(f"<{daemon.url}/api/models?"), link
            path = link and link[len(daemon.url) + 1:link.index(">")]
        assert names == [f"org/m{number}" for number in range(5)]
    assert hub.count("hub", path="^/api/models$") == 3


def test_the_fields_in_vary_choose(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    hub.fault("^/api/daily", "status", code=200, times=None, body="[]",
              headers={"Content-Type": "application/json", "Vary": "Origin, Accept-Language"})
    def seen(**fields):
        ask(daemon, "/api/daily_papers", **fields)
        return hub.count("hub", path="^/api/daily")
    assert [seen(accept_language="de"), seen(accept_language="de", origin="http://x")] == [1, 1]
    assert [seen(accept_language="fr"), seen(), seen(accept_language="de")] == [2, 3, 3]


def test_nothing_of_a_person_is_passed_up(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    ask(daemon, "/api/datasets?search=x", cookie="a=b", referer="http://inside/", origin="http://i",
        x_forwarded_for="10.0.0.1", forwarded="for=10.0.0.1", x_api_key="k", accept="text/x",
        sec_fetch_mode="cors", x_auth_request_user="u", x_hf_bill_to="team",
        connection="close, x-hop", x_hop="1")
    record = hub.requests[-1]
    assert record.header("accept") == "text/x" and record.header("x-hf-bill-to") == "team"
    assert record.headers.keys() <= {"host", "accept", "x-hf-bill-to", "user-agent", "via",
                                     "accept-encoding"}, record.headers


def test_a_large_answer_is_passed_on_and_not_kept(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    body = b"[" + b"1," * (5 * 1024 * 1024) + b"1]"
    hub.fault("^/api/posts", "status", code=200, times=None, body=body,
              headers={"Content-Type": "application/json"})
    for _ in range(2):
        answer = ask(daemon, "/api/posts")
        assert answer.status == 200 and answer.body == body
        assert answer.header("cache-status") == "hubkeep; fwd=bypass"


def test_a_stream_stays_a_stream(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    hub.fault("logs", "status", code=200, times=None, body=b"data: 1\n\n",
              headers={"Content-Type": "text/event-stream"})
    answer = ask(daemon, "/api/spaces/org/app/logs/run")
    assert answer.body == b"data: 1\n\n" and answer.header("content-type") == "text/event-stream"
    assert answer.header("cache-status") == "hubkeep; fwd=bypass"


def test_addresses_that_clients_follow_are_ours(hub, hubkeep, converted):
    daemon = hubkeep(hub)
    listed = ask(daemon, f"/api/datasets/{converted.id}/parquet").json()
    address = listed["default"]["train"][0]
    assert address.startswith(daemon.url + "/api/datasets/")
    row = ask(daemon, f"/api/datasets/{converted.id}/discussions").json()["discussions"][0]
    assert row["url"].startswith(daemon.url) and hub.url in row["title"]
    files = ask(daemon, f"/-/datasets-server/parquet?dataset={converted.id}").json()
    url = files["parquet_files"][0]["url"]
    assert url.startswith(daemon.url + "/datasets/")
    for place in (address, url):
        assert ask(daemon, place[len(daemon.url):]).body == COLUMN
    named = ask(daemon, f"/api/datasets/{converted.id}/parquet", host="cache.localhost:80").json()
    assert named["default"]["train"][0].startswith("http://cache.localhost:80/api/")


def test_a_parquet_address_is_a_file_of_the_store(hub, hubkeep, converted):
    daemon = hubkeep(hub, revisions_ttl="1h")
    path = f"/api/datasets/{converted.id}/parquet/default/train/0.parquet"
    first = ask(daemon, path, range="bytes=0-3")
    assert first.status == 206 and first.body == COLUMN[:4], first
    assert ask(daemon, path).body == COLUMN
    hub.reset_counts()
    part = ask(daemon, path, range="bytes=4-11")
    assert part.status == 206 and part.body == COLUMN[4:12], part
    head = ask(daemon, path, "HEAD")
    assert head.header("content-length") == str(len(COLUMN)), head
    assert hub.requests == []
    hub.down()
    assert ask(daemon, path).body == COLUMN


def test_a_way_to_another_repo_opens_nothing(hub, hubkeep, converted):
    """Who may see the one that was asked for is not asked about the one it leads to."""
    secret = hub.add_repo("dataset", "org/secret", {"x.parquet": COLUMN}, private=True)
    owner = "hf_" + "o" * 34
    hub.add_token(owner)
    daemon = hubkeep(hub)
    path = f"/api/datasets/{converted.id}/parquet/default/train/0.parquet"
    hub.fault("/parquet/default", "redirect", times=None, location=file_path(secret, "x.parquet"))
    assert ask(daemon, path, authorization=f"Bearer {owner}").body == COLUMN
    for _ in range(2):
        assert ask(daemon, path).status in (401, 404)
        assert ask(daemon, file_path(secret, "x.parquet")).status in (401, 404)
    assert ask(daemon, path, authorization=f"Bearer {owner}").body == COLUMN


@pytest.mark.parametrize("by", ("path", "host"))
def test_the_viewer_gets_no_credential(hub, hubkeep, repo, by):
    token = "hf_" + "v" * 34
    daemon = hubkeep(hub, token=True)
    path, fields = f"/info?dataset={repo.id}", {"authorization": f"Bearer {token}"}
    if by == "host":
        fields["host"] = f"datasets-server.cache.localhost:{daemon.port}"
    else:
        path = "/-/datasets-server" + path
    answer = ask(daemon, path, **fields)
    assert answer.status == 200 and answer.header("x-revision") == repo.head, answer
    assert hub.url in answer.json()["dataset_info"]["default"]["description"]
    assert hub.count("viewer") == 1 and hub.count("hub") == 0 and not hub.leaks
    missing = ask(daemon, path.replace("table", "none"), **fields)
    assert missing.status == 404 and missing.header("x-error-code") == "DatasetNotFound"


def test_the_viewer_fails_alone(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    hub.down("viewer")
    for _ in range(4):
        assert ask(daemon, f"/-/datasets-server/info?dataset={repo.id}").status == 530
    assert ask(daemon, file_path(repo, "data.csv")).status == 200
    assert ask(daemon, "/api/datasets?search=t").status == 200
    daemon.restart(upstream_datasets_server="")
    assert ask(daemon, "/-/datasets-server/info").status == 404


def test_buckets_are_passed_on_each_time(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    hub.fault("^/buckets/", "status", code=200, times=None, body=b"content",
              headers={"Content-Type": "application/octet-stream", "ETag": '"x"'})
    for number in (1, 2):
        answer = ask(daemon, "/buckets/org/b/resolve/a%2Fb.bin", range="bytes=0-3")
        assert answer.body == b"content" and hub.count("hub") == number
        assert hub.requests[-1].header("range") == "bytes=0-3"
        assert hub.requests[-1].path == "/buckets/org/b/resolve/a%2Fb.bin"
    assert ask(daemon, "/buckets/org/b/resolve/a", "HEAD").status == 200


def test_a_cache_behind_a_cache_tells_the_truth(hub, hubkeep, repo):
    parent = hubkeep(hub, listings_ttl="0s")
    child = hubkeep(None, upstream_endpoint=parent.url)
    path = "/api/datasets?search=table"
    first = ask(child, path)
    assert first.body == ask(parent, path).body and not first.warning
    hub.down()
    stale = ask(child, path)
    assert stale.body == first.body and stale.warning, stale
    hub.up()
    wait_until(lambda: not ask(child, path).warning, "the warning ends with its cause")
    parent.kill()
    stale = ask(child, path)
    assert stale.body == first.body and stale.warning, stale


def test_pages_for_people(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    html = {"accept": "text/html,*/*;q=0.8"}
    for path, title in (("/", b"hubkeep"), ("/datasets/org/table", b"dataset org/table"),
                        ("/org/model/tree/main", b"model org/model"), ("/pricing", b"hubkeep"),
                        ("/spaces/org/app", b"space org/app")):
        page = ask(daemon, path, **html)
        assert page.status == 200 and b"<h1>" + title + b"</h1>" in page.body, page
        assert f'href="{hub.url}{path}"'.encode() in page.body
        assert f"HF_ENDPOINT={daemon.url}<".encode() in page.body
        assert page.header("content-security-policy").startswith("default-src 'none'")
    assert ask(daemon, "/", "HEAD").status == 200
    plain = ask(daemon, "/")
    assert plain.status == 200 and plain.header("content-type").startswith("text/plain")
    blob = ask(daemon, "/datasets/org/table/blob/main/data.csv")
    assert blob.status == 302
    assert blob.header("location") == "/datasets/org/table/resolve/main/data.csv"
    assert hub.requests == []


def cross_origin_questions(hub, repo) -> dict[str, tuple[str, str, dict]]:
    api, file = f"/api/datasets/{repo.id}", file_path(repo, "data.csv")
    etag = f'"{repo.find("main").entries["data.csv"].oid}"'
    return {
        "file": ("GET", file, {}), "head": ("HEAD", file, {}),
        "range": ("GET", file, {"range": "bytes=0-1"}),
        "unsatisfiable": ("GET", file, {"range": "bytes=99-"}),
        "not modified": ("GET", file_path(repo, "data.csv", repo.head), {"if_none_match": etag}),
        "missing file": ("GET", file_path(repo, "none"), {}),
        "missing repo": ("GET", "/api/models/org/none", {}),
        "info": ("GET", api, {}), "tree": ("GET", f"{api}/tree/main", {}),
        "refs": ("GET", f"{api}/refs", {}), "search": ("GET", "/api/datasets?search=t", {}),
        "kept search": ("GET", "/api/datasets?search=t", {}),
        "kept, not modified": ("GET", "/api/datasets?search=t", {"if_none_match": "*"}),
        "viewer": ("GET", f"/-/datasets-server/info?dataset={repo.id}", {}),
        "refused": ("GET", "/api/whoami-v2", {}), "write": ("POST", "/api/repos/create", {}),
        "xet": ("GET", f"{api}/xet-read-token/main", {}), "page": ("GET", "/org/x", {}),
        "blob": ("GET", "/org/x/blob/main/f", {}), "robots": ("GET", "/robots.txt", {}),
        "telemetry": ("HEAD", "/api/telemetry/x", {}), "live": ("GET", "/-/livez", {}),
        "ready": ("GET", "/-/readyz", {}), "own 404": ("GET", "/-/none", {}),
        "bad path": ("GET", "/a/../b", {}), "bad method": ("BREW", "/", {}),
        "preflight": ("OPTIONS", file, {"access_control_request_method": "GET"}),
        "framing": ("GET", "/", {"transfer_encoding": "x"}),
        "two hosts": ("GET", "/", {"host": "a b"}),
        "long": ("GET", "/" + "x" * 9000, {}), "large head": ("GET", "/", {"x": "y" * 17000}),
        "git": ("GET", "/org/x/info/refs?service=git-upload-pack", {}),
        "bucket": ("GET", "/buckets/org/b/resolve/x", {}), "oci": ("GET", "/v2/", {}),
        "auth check": ("GET", f"{api}/auth-check", {})}


def test_every_kind_of_answer_may_be_read_by_pages_of_others(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    statuses = set()
    def check(name, answer):
        assert answer.status is not None, name
        assert answer.header("access-control-allow-origin") == "*", f"{name}: {answer}"
        exposed = answer.header("access-control-expose-headers").lower().split(",")
        assert {"x-repo-commit", "x-error-code", "x-error-message", "content-range", "etag", "link",
                "content-length", "x-total-count", "x-request-id", "accept-ranges"} <= set(exposed)
        assert answer.header("access-control-allow-credentials") is None
        statuses.add(answer.status)
    for name, (method, path, fields) in cross_origin_questions(hub, repo).items():
        check(name, ask(daemon, path, method, origin="https://page.example", **fields))
    hub.down()
    for path in ("/api/papers", file_path(repo, "other")):
        check("gone", ask(daemon, path, origin="https://page.example"))
    assert statuses >= {200, 204, 206, 302, 304, 400, 401, 403, 404, 405, 414, 416, 431, 530}
