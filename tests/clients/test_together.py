"""Fifty users ask for one cold file at once: it crosses the WAN once, and all of them get it."""
import subprocess

from clients.support import environment, expect_file, finish, wait_until
from hub import Generated

SIZE = 64 << 20
CURLS, PYTHONS = 42, 8


def connections(port: int) -> int:
    """Established connections that loopback peers hold to `port` (/proc/net/tcp, state 01)."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def start_curl(url: str, truth, home) -> subprocess.Popen:
    """Compares what arrives, byte for byte, instead of keeping fifty copies."""
    command = 'set -o pipefail; curl -sSf --max-time 120 "$1" | cmp - "$2"'
    return subprocess.Popen(["bash", "-c", command, "curl", url, truth], text=True,
                            env=environment(home, ""), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def test_fifty_clients_cause_one_transfer(scene, tmp_path):
    repo = scene.hub.add_repo("model", "org/wanted", {"model.bin": Generated(SIZE, "wanted")})
    truth = tmp_path / "truth"
    with open(truth, "wb") as file:
        file.writelines(repo.find("main").entries["model.bin"].content.chunks())
    daemon = scene.start()
    url = f"{daemon.url}/org/wanted/resolve/main/model.bin"
    # The CDN holds its answer until every curl has connected: all of them meet a cold file.
    gate = scene.hub.gate(".", origin="cdn")
    job = [{"call": "file", "repo_id": repo.id, "filename": "model.bin"}]
    pythons = [scene.client("hf-newest").start("hub_jobs.py", job, 1) for _ in range(PYTHONS)]
    curls = [start_curl(url, truth, scene.home()) for _ in range(CURLS)]
    try:
        gate.wait_arrived(1, 30)
        wait_until(lambda: connections(daemon.port) >= CURLS, 30, "all clients to be connected")
    finally:
        gate.open()
    for process in curls:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    for process in pythons:
        expect_file(finish(process, "hub_jobs.py")["results"][0], repo, "main", "model.bin")
    assert SIZE <= scene.hub.bytes_sent("cdn") <= 1.02 * SIZE
