"""Curves as small PNGs, all in one look. Needs matplotlib (requirements.txt)."""
import pathlib


def curves(path: pathlib.Path, title: str, across: str, up: str, lines: dict, logarithmic=True):
    """`lines` is name -> (xs, ys). With `logarithmic`, a line that grows in step is a diagonal."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4), layout="constrained")
    for name, (xs, ys) in lines.items():
        axes.plot(xs, ys, marker="o", label=name)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
