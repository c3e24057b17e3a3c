"""The table of targets: each one read off the rows of its bench. The median decides."""
import dataclasses
import statistics
from collections.abc import Callable

import metrics
from metrics import ratio, values


@dataclasses.dataclass(frozen=True)
class Target:
    work: str
    text: str
    bench: str
    verdict: Callable[[dict[str, dict]], tuple[str, bool]]  # rows of the bench by name

    def judge(self, rows: list[dict]) -> tuple[str, str]:
        found = {row["name"]: row for row in rows if row["bench"] == self.bench}
        if not found:
            return "not measured", ""
        try:
            measured, met = self.verdict(found)
        except (KeyError, IndexError, statistics.StatisticsError):
            return "not measured", ""  # the server to compare with is not installed
        return measured, "yes" if met else "**no**"


def middle(row: dict, side: str, metric: metrics.Metric) -> float:
    """The median of ours to theirs."""
    return statistics.median(ratio(row, side, metric))


def own(row: dict, metric: metrics.Metric, side="hubkeep") -> float:
    return statistics.median(values(row["samples"][side], metric))


def cached(rows) -> tuple[str, bool]:
    found = [middle(rows[it], "nginx static", metrics.COST) for it in ("1 stream", "16 streams")]
    return f"{found[0]:.2f} and {found[1]:.2f}", max(found) <= 1.05


def small(rows) -> tuple[str, bool]:
    names = ("HEAD at a commit", "GET at a commit")
    nginx = [middle(rows[it], "nginx proxy_cache", metrics.REQUESTS) for it in names]
    return (f"HEAD {nginx[0]:.2f}, GET {nginx[1]:.2f}", min(nginx) >= 1.0)


def small_olah(rows) -> tuple[str, bool]:
    found = [middle(rows[it], "Olah", metrics.REQUESTS) for it in ("HEAD, Olah", "GET, Olah")]
    return f"HEAD {found[0]:.0f}, GET {found[1]:.0f}", min(found) >= 50


def tls(rows) -> tuple[str, bool]:
    found = [middle(row, "nginx static", metrics.PER_CPU) for row in rows.values()]
    return " and ".join(f"{it:.2f}" for it in found) + " per CPU second", min(found) >= 1.0


def cold(rows) -> tuple[str, bool]:
    samples = rows["origin without a limit"]["samples"]
    bar = [metrics.per_gib(nginx) + metrics.per_gib(sha)
           for nginx, sha in zip(samples["nginx proxy_cache"], samples["SHA-256"])]
    ours = [metrics.per_gib(it) for it in samples["hubkeep"]]
    found = statistics.median(one / other for one, other in zip(ours, bar))
    return (f"{found:.2f} ({statistics.median(ours):.2f} to {statistics.median(bar):.2f} s/GiB)",
            found <= 1.0)


def first(rows) -> tuple[str, bool]:
    found = [own(row, metrics.FIRST) for row in rows.values()]
    return " and ".join(f"{it:.2f}" for it in found) + " ms", max(found) <= 1.0


def capped(rows) -> tuple[str, bool]:
    row, = rows.values()
    one = middle(row, "one connection", metrics.MB)
    samples = row["samples"]
    aria = statistics.median(metrics.MB.of(it) for it in samples["aria2c -x16 -s16"])
    base = statistics.median(metrics.MB.of(it) for it in samples["one connection"])
    return f"{one:.1f}; aria2c {aria / base:.1f}", one >= 6


def crowd(rows) -> tuple[str, bool]:
    row = next(iter(rows.values()))  # the line, where the clients do not fill the server's core
    copies = own(row, metrics.COPIES)
    last = middle(row, "hubkeep, a single client", metrics.LAST)
    return f"{copies:.3f} of the file; {last:.2f}", copies < 1.005 and last <= 1.15


def ranges(rows) -> tuple[str, bool]:
    once, blocks = (own(rows["first pass"], it) for it in (metrics.OF_BYTES, metrics.OF_BLOCKS))
    again = max(rows[it]["samples"]["hubkeep"][0]["origin_bytes"]
                for it in ("second pass", "after a restart"))
    return (f"{once:.2f} of the bytes, {blocks:.2f} of the blocks; then {again}",
            once <= 1.5 and again == 0)


def idle(rows) -> tuple[str, bool]:
    plain, secure = own(rows["plain"], metrics.EACH), own(rows["TLS"], metrics.EACH)
    return f"{plain:.1f} KiB, TLS {secure:.1f} KiB", plain <= 12 and secure <= 40


def latency(rows) -> tuple[str, bool]:
    row = rows["beside 16 streams"]
    found = middle(row, "nginx proxy_cache", metrics.P99)
    theirs = own(row, metrics.P99, "nginx proxy_cache")
    return f"{found:.2f} ({own(row, metrics.P99):.2f} to {theirs:.2f} ms)", found <= 2


def snapshot(rows) -> tuple[str, bool]:
    found = own(rows["30 files"], metrics.CPU_MS)
    return f"{found:.2f} ms", found <= 1.0


def xet(rows) -> tuple[str, bool]:
    found = [middle(row, "hubkeep, Xet off", metrics.SPEED) for name, row in rows.items()
             if name.startswith("cached")]
    return f"{found[0]:.2f}; {found[1]:.2f} with one core", found[0] >= 1.5


def xorbs(rows) -> tuple[str, bool]:
    found = [middle(row, "hubkeep, plain GET", metrics.COST) for name, row in rows.items()
             if name.startswith("xorbs of 8 MiB,")]
    return f"{found[0]:.2f} and {found[1]:.2f}", max(found) <= 1.3


TARGETS = (
    Target("cached 1 GiB, plain, 1 and 16 streams, CPU seconds per GiB",
           "at most 1.05 of nginx static `sendfile`", "cached", cached),
    Target("cached HEAD and 1 KiB GET, 64 keep-alive connections, requests per second",
           "at least 1.0 of nginx `proxy_cache`", "small", small),
    Target("the same", "50 times Olah", "small", small_olah),
    Target("cached 1 GiB over TLS, 1 and 4 streams",
           "at least 1.0 of nginx, same cipher, no kernel TLS", "tls", tls),
    Target("cold 1 GiB, origin without limit, verified and stored: CPU seconds per GiB",
           "at most 1.0 of nginx `proxy_cache` plus SHA-256", "cold", cold),
    Target("cold first byte, origin without limit and at 40 MB/s with 50 ms",
           "at most 1 ms after the origin's", "first", first),
    Target("cold file, each upstream connection capped (40 MB/s, 50 ms): throughput",
           "at least 6 times one connection", "capped", capped),
    Target("32 clients, one cold 512 MiB file, a line of 80 MB/s",
           "origin sends 1.00; the last client within 1.15 of a single one", "crowd", crowd),
    Target("1,000 random 64 KiB ranges of a cold 1 GiB file",
           "origin at most 1.5 of what was asked for; a second pass 0", "ranges", ranges),
    Target("5,000 idle connections", "at most 12 KiB each, TLS 40 KiB", "idle", idle),
    Target("HEAD p99 while 16 large streams run on the same core",
           "at most 2 times nginx", "latency", latency),
    Target("warm `snapshot_download` of 30 files, server side", "at most 1.0 ms CPU", "snapshot",
           snapshot),
    Target("cached 4 GiB to the newest `huggingface_hub` over Xet, throughput",
           "at least 1.5 of the same client without Xet", "xet", xet),
    Target("cached xorbs, plain, 1 and 16 connections, CPU seconds per GiB",
           "at most 1.3 of the file by `sendfile`", "xet", xorbs),
)
