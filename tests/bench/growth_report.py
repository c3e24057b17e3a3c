"""The rows of `growth` as a Markdown table, and as curves."""
import pathlib

MIB = 2**20
# What, a function of a row, digits.
LINES = [
    ("index on disk, bytes per entry", lambda r: r["index_bytes"] / r["entries"], 0),
    ("start, ms", lambda r: r["start_s"] * 1000, 0),
    ("start after a kill, ms", lambda r: r["start_killed_s"] * 1000, 0),
    ("stop after reading 5,000 files, ms", lambda r: r["stop_s"] * 1000, 0),
    ("memory after the start, MiB", lambda r: r["started"]["RssAnon"] / MIB, 1),
    ("memory after all requests, MiB", lambda r: r["ended"]["RssAnon"] / MIB, 1),
    ("HEAD of a known file, median ms", lambda r: r["known"]["p50_ms"], 3),
    ("HEAD of a known file, p99 ms", lambda r: r["known"]["p99_ms"], 2),
    ("HEAD of a known file, CPU us", lambda r: r["known"]["cpu_us"], 0),
    ("HEAD of a stored file, CPU us", lambda r: r["stored"]["cpu_us"], 0),
    ("GET of 1 KiB of a stored file, CPU us", lambda r: r["get"]["cpu_us"], 0),
    ("HEAD with a cold page cache, median ms", lambda r: r["cold"]["p50_ms"], 3),
    ("HEAD beside the scan, median ms", lambda r: r["beside"]["p50_ms"], 3),
    ("HEAD beside the scan, p99 ms", lambda r: r["beside"]["p99_ms"], 2),
    ("listing of a folder of 20, CPU us", lambda r: r["small"]["cpu_us"], 0),
    ("listing of a folder of 10,000, CPU ms", lambda r: r["wide"]["cpu_us"] / 1000, 1),
    ("description of a repo, CPU us", lambda r: r["info"]["cpu_us"], 0),
    ("making room in a full store, ms", lambda r: r["evict_ms"], 0),
    ("making room, files that left", lambda r: r["evicted"], 0),
    ("writing down a use, bytes to the disk", lambda r: r["use_bytes"], 0),
    ("scan beside serving, s", lambda r: r["scan_s"], 1),
    ("scan, CPU s", lambda r: r["scan_cpu_s"], 1),
]


def short(number: int) -> str:
    for unit, name in ((1_000_000, "M"), (1000, "k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{name}"
    return str(number)


def table(rows: list[dict]) -> str:
    lines = ["| entries (a tenth of them stored) | "
             + " | ".join(short(it["entries"]) for it in rows) + " |",
             "|---" + "|---:" * len(rows) + "|"]
    for what, of, digits in LINES:
        lines.append(f"| {what} | " + " | ".join(f"{of(it):.{digits}f}" for it in rows) + " |")
    return "\n".join(lines)


def draw(rows: list[dict], folder: pathlib.Path) -> None:
    from plots import curves

    entries = [it["entries"] for it in rows]
    of = {what: [max(get(it), 1e-3) for it in rows] for what, get, _ in LINES}

    def lines(*names):
        return {name: (entries, of[name]) for name in names}

    curves(folder / "growth-requests.png", "A request as the index grows", "entries",
           "CPU time, us or ms, as it says",
           lines("HEAD of a known file, CPU us", "HEAD of a stored file, CPU us",
                 "GET of 1 KiB of a stored file, CPU us", "listing of a folder of 20, CPU us",
                 "description of a repo, CPU us", "listing of a folder of 10,000, CPU ms"),
           powers="x")
    curves(folder / "growth-daemon.png", "The daemon as the index grows", "entries",
           "ms, MiB or s, as it says",
           lines("start, ms", "start after a kill, ms", "making room in a full store, ms",
                 "memory after the start, MiB", "memory after all requests, MiB",
                 "scan beside serving, s"))
