"""32 clients of one cold 512 MiB file: origin bytes and the last client's end"""
import shutil

from bench import MIB
from origin import MAIN, Origin
from servers import Hubkeep, nginx_cache

CLIENTS = 32
SIZE = 512 * MIB
LINE = 80_000_000  # bytes per second of the whole line: 32 times that is what a core can send


def download(bench, server, target: str, origin: Origin, size: int, clients: int) -> dict:
    before = origin.bytes_sent()
    sample = bench.ask(server, "GET", target, connections=clients, requests=1, length=size)
    return sample | {"origin_bytes": origin.bytes_sent() - before, "clients": clients,
                     "size": size}


def measure(bench) -> list[dict]:
    size = min(SIZE, bench.size)
    (name, path), = bench.files(1, size).items()
    rows = []
    for label, line, rounds in ((f"line of {LINE // 10**6} MB/s", LINE, 2),
                                ("origin without a limit", 0, 1)):
        with Origin(bench, {name: path}, line=line) as origin:
            def ours(clients):
                with Hubkeep(bench, bench.fresh("crowd"), origin.url) as server:
                    sample = download(bench, server, MAIN + name, origin, size, clients)
                    server.wait_for_blob(origin.sha256[name])
                shutil.rmtree(bench.folder / "crowd")
                return sample

            def theirs():
                with nginx_cache(bench.fresh("crowd"), origin.cdn_port, lock=True) as server:
                    sample = download(bench, server, origin.direct(name), origin, size, CLIENTS)
                shutil.rmtree(bench.folder / "crowd")
                return sample

            row = bench.row(label, "crowd", {"hubkeep": lambda: ours(CLIENTS),
                                             "hubkeep, a single client": lambda: ours(1)}, rounds)
            row["samples"]["nginx proxy_cache_lock"] = [theirs()]
            rows.append(row)
    return rows
