"""The picture of docs/guide/topologies.md."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")  # before pyplot looks for a display

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.plots import AMBER, BLUE, FAINT, STYLE, TEAL
from bench.topologies.call import Cost
from bench.topologies.mcu import Mixing

COLOURS: Final = {"mesh": AMBER, "sfu": BLUE, "mcu": TEAL}
NAMES: Final = {"mesh": "mesh", "sfu": "SFU", "mcu": "MCU"}


def draw(costs: list[Cost], mixings: list[Mixing], folder: Path) -> Path:
    """Writes topologies.png there; answers its path."""
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
        up, browser, server = panels
        _lines(up, costs, "What a person sends", "kbit/s", lambda cost: cost.up_bps / 1000)
        _lines(browser, costs, "What it takes of their processor", "% of a core", lambda cost: 100 * cost.cpu_share)
        _lines(server, costs, "What it takes of the server's", "% of a core", lambda cost: 100 * cost.server_cpu_share)
        _line(server, "mcu", [mix.people for mix in mixings], [100 * mix.cpu_share for mix in mixings])
        for axes in panels:
            axes.set_ylim(bottom=0)
            axes.set_xlim(right=1.25 * max(cost.people for cost in costs))  # room for the names
        figure.text(0.5, -0.04, "people in the call", ha="center", color=FAINT)
        path = folder / "topologies.png"
        figure.savefig(path, dpi=160, facecolor="white", bbox_inches="tight")
        plt.close(figure)
    return path


def _lines(axes: Axes, costs: list[Cost], title: str, unit: str, value: Callable[[Cost], float]) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(unit)
    for topology in ("mesh", "sfu"):
        mine = [cost for cost in costs if cost.topology == topology]
        _line(axes, topology, [cost.people for cost in mine], [value(cost) for cost in mine])
    axes.set_xticks(sorted({cost.people for cost in costs}))


def _line(axes: Axes, topology: str, people: list[int], values: list[float]) -> None:
    axes.plot(people, values, marker="o", color=COLOURS[topology])
    axes.annotate(NAMES[topology], (people[-1], values[-1]), xytext=(6, 0), textcoords="offset points",
                  va="center", color=COLOURS[topology], annotation_clip=False)
