"""Rows of samples as Markdown: the table of targets, and for each bench a line per server."""
import statistics

import targets
from metrics import KINDS, ratio, values


def spread(numbers: list[float], digits: int) -> str:
    if not numbers:
        return ""
    middle = statistics.median(numbers)
    text = f"{middle:,.{digits}f}"
    if len(numbers) > 1:
        text += f" ({min(numbers):,.{digits}f}-{max(numbers):,.{digits}f})"
    return text


def line_of(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def head_of(titles: list[str]) -> list[str]:
    return [line_of(titles), "|" + "---|" * len(titles)]


def busy(samples: list[dict]) -> str:
    """How busy the two cores were, in percent: server/client."""
    shown = [it for it in samples if it.get("server_cpu") and it.get("cpu_seconds") is not None]
    if not shown:
        return ""
    return "/".join(f"{100 * statistics.median(it[key] / it['seconds'] for it in shown):.0f}"
                    for key in ("server_cpu", "cpu_seconds"))


def kind_table(rows: list[dict]) -> list[str]:
    kind = KINDS[rows[0]["kind"]]
    compared = any(len(row["samples"]) > 1 for row in rows) and kind.judged
    titles = [rows[0]["bench"], "server", *(it.title for it in kind.metrics)]
    if compared:
        titles.append(f"hubkeep : this, {kind.judged.title}")
    lines = head_of(titles + ["busy %: server/client"] * kind.shows_busy)
    for row in rows:
        ours = next(iter(row["samples"]))
        for side, samples in row["samples"].items():
            cells = [row["name"] if side == ours else "", side]
            cells += [spread(values(samples, it), it.digits) for it in kind.metrics]
            if compared:
                found = ratio(row, side, kind.judged) if side != ours else []
                cells.append(f"**{spread(found, 2)}**" if found else "")
            if kind.shows_busy:
                cells.append(busy(samples))
            lines.append(line_of(cells))
    return ["", *lines]


def targets_table(rows: list[dict]) -> list[str]:
    lines = head_of(["work", "target", "measured", "met"])
    for target in targets.TARGETS:
        measured, met = target.judge(rows)
        lines.append(line_of([target.work, target.text, measured, met]))
    return ["", *lines]


def markdown(rows: list[dict], about: dict) -> str:
    lines = [f"{about['date']}; {about['machine']}; large file {about['size'] / 2**30:g} GiB; "
             f"{about['rounds']} rounds, median (lowest-highest); load before {about['load']}"
             f"{about['scheduling']}."]
    lines += [f"Not measured: {it}." for it in about["skipped"]]
    lines += targets_table(rows)
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["bench"], row["kind"]), []).append(row)
    for found in groups.values():
        lines += kind_table(found)
    return "\n".join(lines)
