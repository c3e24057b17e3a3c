"""The public suite for HTTP caches (cache-tests.fyi) against both kinds of route.

`expectations.json` says of every test whether it has to pass or why it need not; a difference
either way fails, so that the file stays what hubkeep does.
"""
import contextlib
import json
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
EXPECTATIONS = json.loads((HERE / "expectations.json").read_text())

pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not (HERE / "node_modules").is_dir(),
    reason="needs node, and npm ci in tests/cachetests (tests/run does it)")


def node(*args) -> str:
    done = subprocess.run(["node", *args], cwd=HERE, text=True, capture_output=True, timeout=85)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def suite() -> list[dict]:
    return json.loads(node("run.mjs"))


@pytest.fixture
def origin():
    process = subprocess.Popen(["node", "origin.mjs"], cwd=HERE, text=True, stdout=subprocess.PIPE)
    with contextlib.closing(process.stdout):
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()
        process.wait()


def compare(results: dict, expected: dict) -> None:
    assert results.keys() == expected.keys(), results.keys() ^ expected.keys()
    wrong = []
    for name, outcome in results.items():
        passes, required = outcome is True, expected[name] == "required"
        if required and not passes:
            wrong.append(f"{name} fails: {outcome}")
        if passes and not required:
            wrong.append(f"{name} passes, but is waived: {expected[name]}")
    assert not wrong, "\n".join(wrong)


def test_the_api_route(hubkeep, origin, suite):
    """Where the origin fails, the daemon remembers that: such a test has a daemon of its own."""
    def start():
        daemon = hubkeep(None, upstream_endpoint=origin, listings_ttl="0s", threads=1)
        return daemon.url + "/api/models/ct"

    bases = {it["id"]: start() for it in suite if it["fails"]}
    plan = {"origin": origin, "base": start(), "bases": bases}
    results = json.loads(node("run.mjs", json.dumps(plan)))
    kinds = {it["id"]: it["kind"] for it in suite}
    for kind in ("required", "optimal", "check"):
        of_kind = [name for name in results if kinds[name] == kind]
        passed = sum(results[name] is True for name in of_kind)
        print(f"{kind}: {passed} of {len(of_kind)} pass")
    compare(results, EXPECTATIONS["api"])


def test_the_file_route(hubkeep, origin):
    daemon = hubkeep(None, upstream_endpoint=origin)
    plan = {"origin": origin, "base": daemon.url + "/ct/ct/resolve/main", "suites": ["partial"],
            "counted": True}
    results = json.loads(node("run.mjs", json.dumps(plan)))
    compare(results, EXPECTATIONS["file"])
