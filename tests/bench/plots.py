"""Curves and bars as small PNGs, all in one look: without a background, legible on light and on
dark pages. Needs matplotlib (requirements.txt), which is imported where it is used.
"""
import contextlib
import pathlib

OURS, THEIRS, TEXT = "#3b82f6", "#9aa4b2", "#7c8694"
LOOK = {"text.color": TEXT, "axes.labelcolor": TEXT, "axes.edgecolor": TEXT, "xtick.color": TEXT,
        "ytick.color": TEXT, "font.size": 9, "axes.titlesize": 10, "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "savefig.transparent": True,
        "legend.framealpha": 0, "savefig.dpi": 110}
WIDTH, BAR = 6.4, 0.34  # inches
Bars = list[tuple[str, float, float, float]]  # label, median, lowest, highest


@contextlib.contextmanager
def drawing(path: pathlib.Path, height: float):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context(LOOK):
        figure, axes = pyplot.subplots(figsize=(WIDTH, height), layout="constrained")
        yield axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": None})
        pyplot.close(figure)


def curves(path: pathlib.Path, title: str, across: str, up: str, lines: dict, powers="xy"):
    """`lines` is name -> (xs, ys). Axes named in `powers` go by powers of ten, others from zero."""
    with drawing(path, 4.4) as axes:
        for name, (xs, ys) in lines.items():
            axes.plot(xs, ys, marker="o", label=name)
        for axis, scale, limit in (("x", axes.set_xscale, axes.set_xlim),
                                   ("y", axes.set_yscale, axes.set_ylim)):
            if axis in powers:
                scale("log")
            else:
                limit(0)
        axes.set(title=title, xlabel=across, ylabel=up)
        axes.grid(True, which="major", alpha=0.3)
        axes.figure.legend(loc="outside lower center", ncols=2, fontsize="small")


def bars(path: pathlib.Path, title: str, unit: str, shown: Bars, digits: int, logarithmic=False):
    """One below the other, with the median as a number and the spread as a line."""
    if not shown:
        return
    with drawing(path, BAR * len(shown) + 0.9) as axes:
        middles, places = [it[1] for it in shown], range(len(shown))
        spread = [[it[1] - it[2] for it in shown], [it[3] - it[1] for it in shown]]
        colors = [OURS if it[0].startswith("hubkeep") else THEIRS for it in shown]
        axes.barh(places, middles, color=colors, height=0.66)
        axes.errorbar(middles, places, xerr=spread, fmt="none", ecolor=TEXT, elinewidth=1)
        for place, (_, middle, _, highest) in zip(places, shown):
            axes.annotate(f"{middle:,.{digits}f}", (highest, place), xytext=(5, 0),
                          textcoords="offset points", va="center")
        axes.set_yticks(places, [it[0] for it in shown])
        axes.invert_yaxis()
        if logarithmic:
            axes.set_xscale("log")
            axes.minorticks_off()
        axes.set_xlim(right=max(it[3] for it in shown) * (4 if logarithmic else 1.16))
        axes.set(title=title, xlabel=unit)
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
