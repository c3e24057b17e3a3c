"""GET /metrics: what Prometheus reads there is well formed, and is what has happened."""
import shutil
import subprocess
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fault.support import all_published, ask, file_path, wait_until
from hub import Generated

CONTENT = Generated(300_000, "metrics")


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/name", {"a.bin": CONTENT})


def scrape(daemon) -> str:
    answer = daemon.admin("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def samples(daemon) -> dict:
    """(name, its labels) -> value."""
    found = {}
    for family in text_string_to_metric_families(scrape(daemon)):
        assert family.documentation and family.type in ("counter", "gauge"), family
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} stands there twice"
            assert sample.name.endswith("_total") == (family.type == "counter")
            found[key] = sample.value
    return found


def requests(daemon, code: int, cache: str) -> float:
    key = ("hubkeep_http_requests_total", ("cache", cache), ("code", str(code)))
    return samples(daemon).get(key, 0)


def test_requests_are_counted_by_status_and_verdict(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    path = file_path(repo, "a.bin")
    assert ask(daemon, path).status == 200
    all_published(daemon, [CONTENT.sha256])
    for _ in range(3):
        assert ask(daemon, path).is_hit
    assert ask(daemon, path, range="bytes=0-9").status == 206
    assert ask(daemon, "/-/none").status == 404
    wait_until(lambda: requests(daemon, 404, "none") == 1, "the last one is counted")
    assert requests(daemon, 200, "miss") == 1
    assert requests(daemon, 200, "hit") == 3
    assert requests(daemon, 206, "hit") == 1
    got = samples(daemon)
    assert got["hubkeep_http_response_bytes_total",] >= 4 * CONTENT.size + 10
    assert got["hubkeep_http_response_bytes_total",] < 5 * CONTENT.size
    assert got["hubkeep_store_bytes", ("state", "complete")] >= CONTENT.size
    assert got["hubkeep_store_blobs",] == 1
    assert got["hubkeep_store_limit_bytes",] > CONTENT.size


def test_the_hub_and_its_quota_are_seen(hub, hubkeep, repo):
    hub.set_quota("resolvers", 3000, window=120)
    daemon = hubkeep(hub)
    assert samples(daemon)["hubkeep_upstream_up",] == 1
    assert ask(daemon, file_path(repo, "a.bin"), "HEAD").status == 200
    left = {key: value for key, value in samples(daemon).items()
            if key[0] == "hubkeep_upstream_quota_remaining"}
    assert [value for key, value in left.items() if ("bucket", "resolvers") in key] == [3000 - hub.count("hub")]
    hub.down()
    for name in ("one", "two", "three"):
        ask(daemon, f"/org/{name}/resolve/main/x", "HEAD")
    assert samples(daemon)["hubkeep_upstream_up",] == 0


def test_a_transfer_is_seen_while_it_runs(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    assert samples(daemon)["hubkeep_flights",] == 0
    with hub.gate(".*", origin="cdn") as gate:
        reader = threading.Thread(target=ask, args=(daemon, file_path(repo, "a.bin")))
        reader.start()
        gate.wait_arrived()
        assert samples(daemon)["hubkeep_flights",] == 1
        assert samples(daemon)["hubkeep_http_connections",] >= 1
    reader.join()


def test_the_version_is_told(hub, hubkeep, hubkeep_cli):
    daemon = hubkeep(hub)
    version = hubkeep_cli("version").stdout.split()[-1]
    assert samples(daemon)["hubkeep_build_info", ("version", version)] == 1


def test_nothing_in_it_names_a_repo_or_a_client(hub, hubkeep, repo):
    daemon = hubkeep(hub, token=True)
    assert ask(daemon, file_path(repo, "a.bin"), user_agent="some-agent").status == 200
    text = scrape(daemon)
    assert not [it for it in (repo.id, "a.bin", "some-agent", CONTENT.sha256) if it in text]


# Debian starts Prometheus when it is installed, so tests do not ask for it; what it would read is
# read by its own client library in the tests above.
@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus' own checker is not installed")
def test_prometheus_has_nothing_to_complain_about(hub, hubkeep, repo):
    daemon = hubkeep(hub)
    assert ask(daemon, file_path(repo, "a.bin")).status == 200
    run = subprocess.run(["promtool", "check", "metrics"], input=scrape(daemon), text=True,
                         capture_output=True, timeout=30)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
