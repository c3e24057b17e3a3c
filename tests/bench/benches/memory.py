"""100 readers of one file while it arrives: memory of the daemon"""
from bench import MIB
from origin import MAIN, Origin
from servers import Hubkeep

READERS = 100
LINE = 50 * MIB
SIZE = 512 * MIB


def measure(bench) -> list[dict]:
    size = min(SIZE, bench.size)
    (name, path), = bench.files(1, size).items()
    with Origin(bench, {name: path}, line=LINE) as origin, \
            Hubkeep(bench, bench.fresh("crowd"), origin.url) as server:
        idle = server.memory()
        sample = bench.ask(server, "GET", MAIN + name, connections=READERS, requests=1,
                           length=size)
        server.wait_for_blob(origin.sha256[name])
        sample |= {"memory": server.memory(), "idle": idle, "readers": READERS, "size": size,
                   "origin_bytes": origin.bytes_sent()}
    return [{"name": f"{READERS} readers, arriving at {LINE // MIB} MiB/s", "kind": "memory",
             "samples": {"hubkeep": [sample]}}]
