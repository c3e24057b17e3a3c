"""Profiles of the measured hubkeep: `perf record`, or heaptrack's allocations, as text reports.

A profiler slows down what it looks at: figures of such a run are no figures.
"""
import os
import pathlib
import shutil
import signal
import subprocess

from machine import BenchError, clean_env

HEAPTRACK = ("/usr/lib/heaptrack/libheaptrack_preload.so", "/usr/lib/heaptrack/libexec/"
             "heaptrack_interpret")


class Watch:
    """Of one server, by default none."""
    env: dict[str, str] = {}

    def begin(self, pid: int) -> None:
        pass

    def end(self) -> None:
        pass


class Profiler:
    def __init__(self, kind: str | None = None, folder: pathlib.Path | None = None):
        self._kind, self._folder, self._count = kind, folder, 0
        if kind:
            folder.mkdir(parents=True, exist_ok=True)

    def watch(self, name: str) -> Watch:
        if not self._kind:
            return Watch()
        self._count += 1
        base = self._folder / f"{name}-{self._count:02}"
        return Perf(base) if self._kind == "perf" else Allocations(base)


class Perf(Watch):
    def __init__(self, base: pathlib.Path):
        self._data, self._report = base.with_suffix(".data"), base.with_suffix(".perf.txt")
        if not shutil.which("perf"):
            raise BenchError("perf is not installed; deploy/packages profile installs it")

    def begin(self, pid: int) -> None:
        # Call graphs by frame pointers are as good as the build; self time is right in any.
        self._process = subprocess.Popen(
            ["perf", "record", "-q", "-F", "997", "-g", "-o", str(self._data), "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.wait()
        report = subprocess.run(
            ["perf", "report", "-i", str(self._data), "--stdio", "--no-children",
             "--percent-limit", "0.3", "-g", "caller,0.5,callee,function,percent"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        # Columns are padded to the longest name, which in C++ is hundreds of letters.
        lines = map(str.rstrip, report.stdout.splitlines())
        self._report.write_text("\n".join(lines) + "\n")


class Allocations(Watch):
    def __init__(self, base: pathlib.Path):
        self._raw, self._data = base.with_suffix(".raw"), base.with_suffix(".heaptrack")
        self._report = base.with_suffix(".allocations.txt")
        if not all(map(os.path.exists, HEAPTRACK)) or not shutil.which("heaptrack_print"):
            raise BenchError("heaptrack is not installed; deploy/packages profile installs it")
        self.env = {"LD_PRELOAD": HEAPTRACK[0], "DUMP_HEAPTRACK_OUTPUT": str(self._raw)}

    def end(self) -> None:
        with open(self._raw, "rb") as raw, open(self._data, "wb") as data:
            subprocess.run([HEAPTRACK[1]], stdin=raw, stdout=data, stderr=subprocess.DEVNULL,
                           env=clean_env())
        self._raw.unlink()
        with open(self._report, "w") as out:
            subprocess.run(["heaptrack_print", "-n", "30", "-a", "1", "-p", "1", "-T", "1",
                            str(self._data)], stdout=out, stderr=subprocess.DEVNULL)
