"""The pictures of docs/benchmarks.md."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")  # before pyplot looks for a display

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import FLOOR_US, call_cost_us
from bench.suite import FRAME_PACKETS, HOLD_VIEWERS, Repeated, Results, spread
from bench.traffic import bursts

INK: Final = "#1f2933"
FAINT: Final = "#9aa5b1"
GRID: Final = "#e4e7eb"
BLUE: Final = "#2563eb"
TEAL: Final = "#0d9488"
AMBER: Final = "#d97706"
STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.bottom": False,
    "ytick.left": False,
}


def draw(results: Results, folder: Path) -> list[Path]:
    """Writes benchmark-*.png there; answers their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Results], Figure]] = {"forwarding": _forwarding, "hold": _hold}
    if results.relay:
        pictures["relay"] = _relay
    paths = []
    with plt.rc_context(STYLE):
        for name, picture in pictures.items():
            figure = picture(results)
            paths.append(folder / f"benchmark-{name}.png")
            figure.savefig(paths[-1], dpi=160, facecolor="white")
            plt.close(figure)
    return paths


def _forwarding(results: Results) -> Figure:
    figure, axes = _figure(
        "What forwarding one packet costs", "CPU µs of the whole server process, per packet that leaves for a viewer"
    )
    groups = [
        [each for each in results.group("bursts") if each.scenario.traffic == bursts(packets)]
        for packets in FRAME_PACKETS
    ]
    viewers = [each.scenario.viewers for each in groups[0]]
    for group, colour, side in zip(groups, (AMBER, BLUE), (1, -1), strict=True):
        middles = _band(axes, viewers, group, "cpu_us", colour)
        for place, middle in zip(viewers, middles, strict=True):
            axes.annotate(
                f"{middle:.1f}", (place, middle), (0, 9 * side), textcoords="offset points", ha="center",
                va="bottom" if side > 0 else "top", color=colour, fontweight="bold",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
            )
        axes.annotate(
            f"{group[0].scenario.traffic.name} packets", (0.98, 0.98), (0, 8 * side), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="center", color=colour, fontweight="bold",
        )
    axes.axhline(FLOOR_US, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        f"the most that\n{viewers[-1]} viewers\nmay cost", (1, FLOOR_US), (6, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", va="center", color=FAINT, fontsize=9,
    )
    axes.set_xscale("log")
    axes.set_xticks(viewers, [f"{count} viewers" for count in viewers])
    axes.minorticks_off()
    axes.set_xlim(viewers[0] * 0.8, viewers[-1] * 1.25)
    figure.subplots_adjust(left=0.06, right=0.87)
    return figure


def _hold(results: Results) -> Figure:
    group = results.group("hold")
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.4))
    _title(
        figure, "Waiting a moment for the rest of a frame",
        f"A browser's 720p video to {HOLD_VIEWERS} viewers, by the time that an unfinished frame is held back",
    )
    holds = [f"{each.scenario.hold_us / 1000:g}" for each in group]
    panels = [
        ("packets_per_message", "packets per message", TEAL),
        ("cpu_us", "CPU µs per packet", BLUE),
        ("latency_p50_ms", "median latency, ms", AMBER),
    ]
    for panel, (name, title, colour) in zip(axes, panels, strict=True):
        _band(panel, holds, group, name, colour)
        panel.set_title(title, loc="left", fontsize=10, color=colour, fontweight="bold")
        panel.set_xlabel("hold, ms")
    figure.subplots_adjust(left=0.05, right=0.98, top=0.71, bottom=0.15, wspace=0.22)
    return figure


def _band(
    axes: Axes, places: Sequence[int] | Sequence[str], group: list[Repeated], name: str, colour: str
) -> list[float]:
    """The medians as a line, from the minimum to the maximum as a band; answers the medians."""
    spreads = [spread([getattr(run, name) for run in each.runs]) for each in group]
    lows, middles, highs = ([each[i] for each in spreads] for i in range(3))
    axes.fill_between(places, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.plot(places, middles, color=colour, linewidth=2.2, marker="o", markersize=5)
    axes.set_ylim(0, 1.1 * max(axes.get_ylim()[1] / 1.1, *highs))
    return middles


def _relay(results: Results) -> Figure:
    figure, axes = _figure(
        "Forwarding against decoding and encoding again",
        "CPU µs per packet that leaves for a viewer: simplesfu (blue) and aiortc's MediaRelay, each on one core",
    )
    costs = [
        (relay.viewers, call_cost_us(results, relay.viewers), spread([run.cpu_us for run in relay.runs])[1])
        for relay in reversed(results.relay)
    ]
    for i, (_, ours, theirs) in enumerate(costs):
        for place, cost, colour, text in (
            (i + 0.19, ours, BLUE, f"{ours:.0f}"),
            (i - 0.19, theirs, AMBER, f"{theirs:.0f}: {theirs / ours:.0f} times as much"),
        ):
            axes.barh(place, cost, 0.34, color=colour)
            axes.annotate(text, (cost, place), (6, 0), textcoords="offset points", va="center", color=colour,
                          fontweight="bold")
    axes.set_xlim(0, 1.35 * max(theirs for _, _, theirs in costs))
    axes.set_ylim(-0.6, len(costs) - 0.4)
    axes.set_yticks(range(len(costs)), [f"{viewers} viewer{'s' * (viewers > 1)}" for viewers, _, _ in costs])
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    return figure


def _figure(title: str, subtitle: str) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(8.4, 4.2))
    _title(figure, title, subtitle)
    figure.subplots_adjust(left=0.1, right=0.96, top=0.79, bottom=0.1)
    return figure, axes


def _title(figure: Figure, title: str, subtitle: str) -> None:
    height = figure.get_size_inches()[1]
    figure.text(0.03, 1 - 0.36 / height, title, fontsize=14, fontweight="bold")
    figure.text(0.03, 1 - 0.62 / height, subtitle, fontsize=9.5, color="#52606d")
