"""What is read off a sample of each kind, and how two servers are compared."""
import dataclasses
from collections.abc import Callable

GIB, MIB = 2**30, 2**20


@dataclasses.dataclass(frozen=True)
class Metric:
    title: str
    of: Callable[[dict], float]
    digits: int


@dataclasses.dataclass(frozen=True)
class Kind:
    metrics: tuple[Metric, ...]
    judged: Metric | None  # of which the ratio is shown
    shows_busy: bool = True


def values(samples: list[dict], metric: Metric) -> list[float]:
    """Of the samples that have it: not every side is measured in every way."""
    found = []
    for sample in samples:
        try:
            found.append(metric.of(sample))
        except (KeyError, ZeroDivisionError):
            continue
    return found


def ratio(row: dict, side: str, metric: Metric) -> list[float]:
    """Ours to theirs, of each round."""
    ours, theirs = next(iter(row["samples"].values())), row["samples"][side]
    return [values([one], metric)[0] / values([other], metric)[0]
            for one, other in zip(ours, theirs)
            if values([one], metric) and any(values([other], metric))]


def per_gib(sample: dict) -> float:
    if not sample["server_cpu"]:
        raise KeyError("not measured")
    return sample["server_cpu"] * GIB / sample["bytes"]


SPEED = Metric("GiB/s", lambda it: it["bytes"] / it["seconds"] / GIB, 2)
COST = Metric("CPU s/GiB", per_gib, 3)
PER_CPU = Metric("GiB per CPU s", lambda it: 1 / per_gib(it), 2)
REQUESTS = Metric("requests/s", lambda it: it["requests"] / it["seconds"], 0)
REQUESTS_PER_CPU = Metric("requests per CPU s", lambda it: it["requests"] / it["server_cpu"], 0)
FIRST = Metric("ms after the origin's", lambda it: it["after_origin_ms"], 2)
MB = Metric("MB/s", lambda it: it["bytes"] / it["seconds"] / 1e6, 1)
LAST = Metric("last client done, s", lambda it: max(it["ends"]), 2)
COPIES = Metric("copies from the origin", lambda it: it["origin_bytes"] / it["size"], 3)
OF_BYTES = Metric("of the bytes asked for", lambda it: it["origin_bytes"] / it["asked"], 3)
OF_BLOCKS = Metric("of the 64 KiB blocks touched", lambda it: it["origin_bytes"] / it["blocks"], 3)
EACH = Metric("KiB each", lambda it: it["each"] / 1024, 1)
P99 = Metric("p99 ms", lambda it: it["p99_ms"], 2)
CLIENT_COST = Metric("client's CPU s/GiB", lambda it: it["cpu_seconds"] * GIB / it["bytes"], 2)
CPU_MS = Metric("server CPU ms each", lambda it: it["ms_each"], 2)
GROWN = Metric("memory grown by MiB", lambda it: it["grown"] / MIB, 1)

KINDS = {
    "stream": Kind((SPEED, COST), COST),
    "tls": Kind((SPEED, PER_CPU, COST), PER_CPU),
    "requests": Kind((REQUESTS, REQUESTS_PER_CPU,
                      Metric("p99 ms", lambda it: it["p99_ms"], 2)), REQUESTS_PER_CPU),
    "cold": Kind((Metric("seconds", lambda it: it["seconds"], 2), COST,
                  Metric("first byte ms", lambda it: it["body_byte_ms"], 1),
                  Metric("on disk after, s", lambda it: it["publish_seconds"], 2)), COST),
    "first": Kind((FIRST, Metric("ms from the request", lambda it: it["body_byte_ms"], 2)), None,
                  False),
    "capped": Kind((MB,), MB, False),
    "crowd": Kind((Metric("clients", lambda it: it["clients"], 0), COPIES, LAST), LAST),
    "ranges": Kind((Metric("asked MiB", lambda it: it["asked"] / MIB, 1),
                    Metric("origin MiB", lambda it: it["origin_bytes"] / MIB, 1),
                    OF_BLOCKS, OF_BYTES, Metric("p50 ms", lambda it: it["p50_ms"], 2), P99), None),
    "idle": Kind((Metric("connections", lambda it: it["connections"], 0), EACH), EACH, False),
    "latency": Kind((Metric("p50 ms", lambda it: it["p50_ms"], 2), P99,
                     Metric("worst ms", lambda it: it["worst_ms"], 2),
                     Metric("HEADs/s", lambda it: it["requests"] / it["seconds"], 0)), P99, False),
    "snapshot": Kind((CPU_MS, Metric("client's s each", lambda it: it["seconds"] / it["downloads"],
                                     2)), None, False),
    "download": Kind((SPEED, Metric("seconds", lambda it: it["seconds"], 2), CLIENT_COST, COST,
                      COPIES), SPEED),
    "many": Kind((GROWN, Metric("peak (VmHWM) MiB", lambda it: it["memory"]["VmHWM"] / MIB, 1),
                  Metric("load's GiB/s", lambda it: it["speed"], 2),
                  Metric("HEAD p50 ms", lambda it: it["p50_ms"], 2),
                  Metric("HEAD p99 ms", lambda it: it["p99_ms"], 2),
                  Metric("worst ms", lambda it: it["worst_ms"], 2)), P99, False),
    "memory": Kind((Metric("peak (VmHWM) MiB", lambda it: it["memory"]["VmHWM"] / MIB, 1),
                    Metric("anonymous at the end", lambda it: it["memory"]["RssAnon"] / MIB, 1),
                    Metric("idle at the start", lambda it: it["idle"]["VmRSS"] / MIB, 1), COPIES,
                    Metric("clients' GiB/s", lambda it: it["bytes"] / it["seconds"] / GIB, 2)),
                   None, False),
}
