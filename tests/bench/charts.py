"""The plots of a run for READMEs.

    charts.py SAMPLES.json FOLDER        with the Python of build/venv-bench
"""
import json
import pathlib
import statistics
import sys

import metrics
import plots
from metrics import KINDS, Metric, values
from plots import Bars


class Samples:
    def __init__(self, rows: list[dict]):
        self._rows = {(row["bench"], row["name"]): row for row in rows}

    def bars(self, bench: str, name: str, metric: Metric) -> Bars:
        """A bar for each server that was measured; none where the bench did not run."""
        found = []
        for side, samples in self._rows.get((bench, name), {"samples": {}})["samples"].items():
            numbers = values(samples, metric)
            if numbers:
                found.append((side, statistics.median(numbers), min(numbers), max(numbers)))
        return found

    def names(self, bench: str) -> list[str]:
        return [name for it, name in self._rows if it == bench]


def titled(prefix: str, bars: Bars) -> Bars:
    return [(f"{label}, {prefix}", *numbers) for label, *numbers in bars]


def once(bars: Bars) -> Bars:
    """A server that two benches measured is shown as the first one saw it."""
    found = {}
    for bar in bars:
        found.setdefault(bar[0], bar)
    return list(found.values())


def cached(folder: pathlib.Path, it: Samples) -> None:
    bars = it.bars("cached", "1 stream", metrics.PER_CPU)
    for name in it.names("peers"):
        bars += it.bars("peers", name, metrics.PER_CPU) if "stream" in name else []
    plots.bars(folder / "cached.png", "A cached large file, one stream (more is better)",
               "GiB per CPU second of the server", once(bars), 2)


def small(folder: pathlib.Path, it: Samples) -> None:
    bars = []
    for method in ("HEAD", "GET"):
        found = it.bars("small", f"{method} at a commit", metrics.REQUESTS)
        for name in it.names("peers"):
            if name.startswith(f"cached {method}"):
                found += it.bars("peers", name, metrics.REQUESTS)
        bars += titled(method, once(found))
    plots.bars(folder / "small.png", "Cached answers of 1 KiB, 64 connections, one core "
               "(more is better)", "requests per second", bars, 0)


def cold(folder: pathlib.Path, it: Samples) -> None:
    bars = it.bars("cold", "origin without a limit", metrics.COST)
    parts = {label: numbers for label, *numbers in bars}
    if "nginx proxy_cache" in parts and "SHA-256" in parts:
        both = [sum(pair) for pair in zip(parts["nginx proxy_cache"], parts["SHA-256"])]
        bars.append(("nginx and SHA-256", *both))
    plots.bars(folder / "cold.png", "A cold large file, stored; hubkeep verifies it "
               "(less is better)", "CPU seconds per GiB", bars, 2)


def multi(folder: pathlib.Path, it: Samples) -> None:
    bars = [bar for name in it.names("capped") for bar in it.bars("capped", name, metrics.MB)]
    plots.bars(folder / "multi.png", "A cold file, 40 MB/s and 50 ms for each connection upstream "
               "(more is better)", "MB per second", bars, 0)


def memory(folder: pathlib.Path, it: Samples) -> None:
    bars = [bar for name in it.names("idle")
            for bar in titled(name, it.bars("idle", name, metrics.EACH))]
    plots.bars(folder / "memory.png", "Memory of an idle connection (less is better)",
               "KiB each, of 5,000", bars, 1)


def latency(folder: pathlib.Path, it: Samples) -> None:
    bars = []
    for bench in ("latency", "many"):
        for name in it.names(bench):
            what = name if bench == "latency" else f"beside {name}".replace(
                ", 8 connections each, 100 files", " of 100 files")
            bars += titled(what, it.bars(bench, name, metrics.P99))
    plots.bars(folder / "latency.png", "p99 of HEAD on one core (less is better)",
               "milliseconds, logarithmic", bars, 2, logarithmic=True)


def draw(rows: list[dict], folder: pathlib.Path) -> None:
    samples = Samples([row for row in rows if row["kind"] in KINDS])
    for one in (cached, small, cold, multi, memory, latency):
        one(folder, samples)


if __name__ == "__main__":
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text())["rows"], pathlib.Path(sys.argv[2]))
