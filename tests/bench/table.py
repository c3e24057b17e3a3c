"""Rows of samples as Markdown. A ratio is of one pair, and above 1 where ours is the better."""
import statistics

GIB, MIB = 2**30, 2**20


def spread(values: list[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratios(row: dict, value) -> list[float]:
    return [value(ours) / value(theirs) for ours, theirs in zip(row["ours"], row["theirs"])]


def bottleneck(row: dict) -> str:
    """How busy the two cores were in our runs and in theirs, in percent: server/client."""
    def busy(samples, key):
        return 100 * statistics.median(it[key] / it["seconds"] for it in samples)
    return ", ".join(f"{busy(row[side], 'server_cpu'):.0f}/{busy(row[side], 'cpu_seconds'):.0f}"
                     for side in ("ours", "theirs"))


def head_of(*titles: str) -> list[str]:
    return ["", "| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]


def line_of(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def cached_table(rows: list[dict], title: str, amount: str, unit: float, digits: int,
                 sides=("hubkeep", "nginx")) -> list[str]:
    """`amount` is what a sample counts, in pieces of `unit`."""
    def speed(sample):
        return sample[amount] / sample["seconds"] / unit

    def per_cpu_second(sample):
        return sample[amount] / sample["server_cpu"] / unit

    def cells(row, of):
        return [spread([of(it) for it in row[side]], digits) for side in ("ours", "theirs")]

    ours, theirs = sides
    lines = head_of(f"cached, {title}/s", ours, theirs, "ratio", f"{ours} per CPU second",
                    f"{theirs} per CPU second", "ratio",
                    f"busy %: server/client, {ours}, {theirs}")
    for row in rows:
        line = [row["name"]]
        for of in (speed, per_cpu_second):
            line += [*cells(row, of), f"**{spread(ratios(row, of), 2)}**"]
        lines.append(line_of([*line, bottleneck(row)]))
    return lines if rows else []


def cold_table(rows: list[dict]) -> list[str]:
    lines = head_of("cold", "through hubkeep, s", "direct, s", "ratio", "first byte ms: hubkeep",
                    "direct", "hubkeep CPU s/GiB", "on disk after, s")
    for row in rows:
        def cell(side, key, places):
            return spread([it[key] for it in row[side]], places)
        cost = [it["server_cpu"] * GIB / it["bytes"] for it in row["ours"]]
        cells = [row["name"], cell("ours", "seconds", 2), cell("theirs", "seconds", 2),
                 f"**{spread(ratios(row, lambda it: it['bytes'] / it['seconds']), 2)}**",
                 cell("ours", "body_byte_ms", 1), cell("theirs", "body_byte_ms", 1),
                 spread(cost, 2), cell("ours", "publish_seconds", 2)]
        lines.append(line_of(cells))
    return lines if rows else []


def memory_table(rows: list[dict], size: int) -> list[str]:
    lines = head_of("memory", "peak (VmHWM) MiB", "anonymous at the end", "idle at the start",
                    "copies from the origin", "clients' GiB/s")
    for row in rows:
        it = row["ours"][0]
        lines.append(line_of([
            f"{it['readers']} readers, arriving at {it['rate_mib']} MiB/s",
            f"**{it['memory']['VmHWM'] / MIB:.1f}**", f"{it['memory']['RssAnon'] / MIB:.1f}",
            f"{it['idle']['VmRSS'] / MIB:.1f}", f"{it['origin_bytes'] / size:.3f}",
            f"{it['bytes'] / it['seconds'] / GIB:.2f}"]))
    return lines if rows else []


def markdown(rows: list[dict], about: dict) -> str:
    def of(kind):
        return [it for it in rows if it["kind"] == kind]

    lines = [f"{about['date']}; {about['machine']}; files of {about['size'] / GIB:g} GiB; "
             f"{about['pairs']} pairs, median (lowest-highest); load before {about['load']}."]
    lines += cached_table(of("bytes"), "GiB", "bytes", GIB, 2)
    lines += cached_table(of("requests"), "requests", "requests", 1, 0)
    lines += cached_table(of("authorised"), "requests", "requests", 1, 0,
                          ("gated with a proof", "public without a token"))
    lines += cold_table(of("cold"))
    lines += memory_table(of("memory"), about["size"])
    return "\n".join(lines)
