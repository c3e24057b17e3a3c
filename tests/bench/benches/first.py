"""cold first byte: how long after the origin's, against nginx proxy_cache"""
from bench import MIB
from machine import real_time
from origin import MAIN, Origin
from servers import Hubkeep, nginx_cache

FILES, WARM_UP = 20, 2
PACED = {"rate": 40_000_000, "latency_ms": 50}


def delay(bench, server, target: str, origin: Origin, name: str) -> dict:
    """`after_origin_ms`: from the moment the origin began to send the body until the client had a
    byte of it. What is before that is asking the Hub, which is its own affair."""
    before = len(origin.requests(name))
    sample = bench.ask(server, "GET", target, ahead=True, requests=1)
    began = min(it["body_ns"] for it in origin.requests(name)[before:] if it["body_ns"])
    return sample | {"after_origin_ms": (sample["body_at_ns"] - began) / 1e6}


def measure(bench) -> list[dict]:
    rows = []
    count = 3 if bench.smoke else FILES
    size = (1 if bench.smoke else 8) * MIB
    files = bench.files(count + WARM_UP, size)
    for name, limits in (("origin without a limit", {}), ("origin at 40 MB/s, 50 ms", PACED)):
        with real_time(), Origin(bench, files, **limits) as origin, \
                Hubkeep(bench, bench.fresh("first"), origin.url) as ours, \
                nginx_cache(bench.fresh("cache"), origin.cdn_port) as theirs:
            samples = {ours.name: [], theirs.name: []}
            for number, piece in enumerate(files):
                both = [(ours, MAIN + piece), (theirs, origin.direct(piece))]
                for server, target in both[::1 if number % 2 else -1]:
                    sample = delay(bench, server, target, origin, piece)
                    if number >= WARM_UP:  # before that connections are made
                        samples[server.name].append(sample)
                ours.wait_for_blob(origin.sha256[piece])
            rows.append({"name": name, "kind": "first", "samples": samples})
    return rows
