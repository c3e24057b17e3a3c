"""Whether tests/bench works, with tiny sizes: every bench gives figures and leaves nothing behind.

Not how fast anything is: other tests run at the same time.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from support.daemon import ROOT, binary

BENCH = ROOT / "tests/bench"
NEEDED = ("nginx", "aria2c", "openssl")
LEFT_OUT = {"peers"}  # Varnish and Squid take long to start, and tests do not need them
PATH = os.environ["PATH"] + ":/usr/sbin"
SECONDS = 600  # 25 on a machine that has nothing else to do


def names() -> list[str]:
    listed = subprocess.run([BENCH / "run", "--list"], text=True, capture_output=True, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines()]


def processes_that_name(folder: pathlib.Path) -> list[str]:
    found = []
    for about in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = about.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command.replace("\0", " "))
    return found


def test_every_bench_gives_figures_and_leaves_nothing_behind(tmp_path):
    missing = [it for it in NEEDED if not shutil.which(it, path=PATH)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("two cores are needed")
    wanted = [it for it in names() if it not in LEFT_OUT]
    folder, samples = tmp_path / "bench", tmp_path / "samples.json"
    folder.mkdir()
    ended = subprocess.run(
        [sys.executable, BENCH / "run", "--smoke", "--hubkeep", binary(), "--folder", folder,
         "--json", samples, "--only", *wanted], text=True, capture_output=True, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr
    assert list(folder.iterdir()) == []
    assert processes_that_name(folder) == []

    run = json.loads(samples.read_text())
    measured = {row["bench"] for row in run["rows"]}
    if any("venv-hf-newest" in it for it in run["about"]["skipped"]):
        wanted.remove("snapshot")
    assert measured == set(wanted)
    for row in run["rows"]:
        assert "hubkeep" in next(iter(row["samples"])), row["name"]
        assert all(row["samples"].values()), row["name"]
    assert f"| {row['name']} |" in ended.stdout
