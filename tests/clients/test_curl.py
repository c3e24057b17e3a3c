"""curl, wget and aria2c, as people and scripts use them: ranges, resumed files, sixteen pieces."""
import shutil
import subprocess

import pytest

from clients.support import TIMEOUT, environment, sha256, wait_until
from hub import Generated

SIZE = 64 << 20
PIECE = 8 << 20
SOCKET_BUFFERS = 16 << 20


def run(scene, program, *arguments, ok=(0,)):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed; deploy/packages test installs it")
    home = scene.home()
    home.mkdir(parents=True)
    done = subprocess.run([program, *map(str, arguments)], env=environment(home, ""), cwd=home,
                          capture_output=True, timeout=TIMEOUT)
    assert done.returncode in ok, (done.returncode, done.stderr.decode())
    done.home = home
    return done


def curl(scene, *arguments, **more):
    return run(scene, "curl", "-sS", "--max-time", 60, *arguments, **more)


def head(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in
                                   (it.partition(":") for it in lines)}


@pytest.fixture
def large(scene):
    """A cold file of 64 MiB, its entry and its URL."""
    repo = scene.hub.add_repo("model", "org/large", {"model.bin": Generated(SIZE, "large")})
    scene.start()
    url = f"{scene.daemon.url}/{repo.id}/resolve/main/model.bin"
    return repo.find("main").entries["model.bin"], url


def expect_one_transfer(scene, size=SIZE):
    assert size <= scene.hub.bytes_sent("cdn") <= 1.02 * size


@pytest.mark.parametrize("span", ("0-0", "0-99", "1000000-3000000", f"{SIZE - 10}-", "-10",
                                  f"{SIZE - 5}-{SIZE}"))
def test_one_range_of_a_cold_file_and_of_a_warm_one(scene, large, span):
    entry, url = large
    first, _, last = span.partition("-")
    start = int(first) if first else SIZE - int(last)
    stop = min(int(last) + 1, SIZE) if first and last else SIZE
    expected = entry.content.read(start, stop - start)

    def check():
        done = curl(scene, "-i", "-r", span, url)
        status, headers = head(done.stdout)
        assert (status, headers["content-range"]) == (206, f"bytes {start}-{stop - 1}/{SIZE}")
        assert done.stdout.split(b"\r\n\r\n", 1)[1] == expected
        assert headers["etag"] == f'"{entry.etag}"'

    check()
    assert curl(scene, "-o", "whole", url).home.joinpath("whole").stat().st_size == SIZE
    check()
    # The piece that was asked for first was not fetched twice.
    expect_one_transfer(scene)


def test_range_past_the_end(scene, large):
    _, url = large
    for _ in range(2):
        status, headers = head(curl(scene, "-i", "-r", f"{SIZE}-", url).stdout)
        assert (status, headers["content-range"]) == (416, f"bytes */{SIZE}")
        curl(scene, "-o", "whole", url)


def test_head(scene, large):
    entry, url = large
    for revision in ("main", "commit"):
        status, headers = head(curl(scene, "--head", url).stdout)
        assert status == 200
        assert headers["content-length"] == str(SIZE)
        assert headers["etag"] == f'"{entry.etag}"'
        assert headers["accept-ranges"] == "bytes"
        url = headers.get("location", url)
    assert "/resolve/main/" not in url
    # Nobody waits for a file that nobody asked for.
    assert scene.hub.bytes_sent("cdn") == 0


def test_curl_resumes(scene, large, tmp_path):
    entry, url = large
    half = tmp_path / "half"
    half.write_bytes(entry.content.read(0, PIECE))
    curl(scene, "-C", "-", "-o", half, url)
    assert sha256(half) == entry.content.sha256
    # Asked once more, it learns that nothing is missing: 416 is not a failure for it.
    curl(scene, "-C", "-", "-o", half, url)
    assert sha256(half) == entry.content.sha256


def test_curl_leaves_and_comes_back(scene, large, tmp_path):
    """The transfer belongs to nobody: it goes on without its first client, who then resumes."""
    entry, url = large
    part = tmp_path / "part"
    with scene.hub.gate(".", origin="cdn", at=PIECE):
        first = subprocess.Popen(["curl", "-sS", "-o", part, url])
        wait_until(lambda: part.exists() and part.stat().st_size > 0, what="the first bytes")
        first.terminate()
        first.wait()
    assert 0 < part.stat().st_size <= PIECE
    curl(scene, "-C", "-", "-o", part, url)
    assert sha256(part) == entry.content.sha256
    expect_one_transfer(scene)


def test_wget_continues(scene, large):
    entry, url = large
    done = run(scene, "wget", "-q", "-O", "out", url)
    out = done.home / "out"
    assert sha256(out) == entry.content.sha256
    with open(out, "r+b") as file:
        file.truncate(PIECE)
    for _ in range(2):
        run(scene, "wget", "-q", "-c", "-O", out, url)
        assert sha256(out) == entry.content.sha256
    expect_one_transfer(scene)


def test_aria2_in_sixteen_pieces(scene, large):
    entry, url = large
    for stage in ("cold", "warm", "offline"):
        if stage == "offline":
            scene.go_offline()
        done = run(scene, "aria2c", "-q", "-x16", "-s16", "-k1M", "--allow-overwrite=true",
                   "--file-allocation=none", "-o", "out", url)
        assert sha256(done.home / "out") == entry.content.sha256, stage
    # The daemon fetches far pieces beside the whole file, and ends that transfer when it meets
    # them: what it read is one file, and what the CDN sent is more by what lay in socket buffers.
    read = sum(it["upstream_bytes"] for it in scene.daemon.access_log())
    assert read <= 1.02 * SIZE
    assert scene.hub.bytes_sent("cdn") <= SIZE + SOCKET_BUFFERS


def test_lfs_pointers_and_raw_files(scene):
    repo = scene.hub.add_repo("dataset", "org/plain", {"a.bin": Generated(50_000, "raw"),
                                                       "b.txt": b"text\n"})
    scene.start()
    entries = repo.find("main").entries
    base = f"{scene.daemon.url}/datasets/org/plain/raw/main"
    for stage in ("cold", "warm", "offline"):
        if stage == "warm":
            scene.hub.reset_counts()
        if stage == "offline":
            assert scene.hub.requests == []
            scene.go_offline()
        assert curl(scene, "-f", f"{base}/a.bin").stdout == entries["a.bin"].pointer.data, stage
        assert curl(scene, "-f", f"{base}/b.txt").stdout == b"text\n", stage
