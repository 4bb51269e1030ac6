"""What was measured: as tables on the terminal, and as JSON for machines."""
from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench.suite import Repeated, Results, spread

FLOOR_US: Final = 4.0
LATE_MS: Final = 10


def print_tables(console: Console, results: Results) -> None:
    console.print(_forwarding_table(results))
    runs = [run for each in results.forwarding for run in each.runs]
    packets = sum(run.forwarded for run in runs)
    wakeups = sum(run.python_wakeups for run in runs)
    console.print(
        f"{packets:,} packets forwarded, {sum(run.lost for run in runs)} lost. Python's threads woke up {wakeups} "
        f"times: {wakeups / sum(run.seconds for run in runs):.1f} times a second, for the engine's timer.",
        highlight=False,
    )
    if results.relay:
        console.print(_relay_table(results))
    low, middle, high = spread(results.yardstick_us)
    console.print(
        f"Before each run, one plain send() of a packet cost {low:.2f}/{middle:.2f}/{high:.2f} µs (min/median/max): "
        "so much did the machine itself drift. Compare only what one run of this program prints.",
        style="dim", highlight=False,
    )
    late = sum(run.most_late_ms > LATE_MS for run in runs)
    if late:
        console.print(
            f"In {late} of {len(runs)} runs the generator was over {LATE_MS} ms behind its timetable: something else "
            "used the machine. Latencies are too high then, and costs too low: packets pile up and leave together.",
            style="yellow", highlight=False,
        )
    console.print(_verdict(results), highlight=False)


def write_json(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "forwarding": [
            {
                "group": each.group,
                "traffic": each.scenario.traffic.name,
                "viewers": each.scenario.viewers,
                "hold_us": each.scenario.hold_us,
                "tcp": each.scenario.tcp,
                "runs": [asdict(run) for run in each.runs],
            }
            for each in results.forwarding
        ],
        "relay": [{"viewers": each.viewers, "runs": [asdict(run) for run in each.runs]} for each in results.relay],
        "yardstick_us": results.yardstick_us,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def machine() -> dict[str, str | int]:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("simplesfu", "pylibsrtp", "aiortc")},
    }


def _forwarding_table(results: Results) -> Table:
    table = _table("One sender, N viewers, SRTP on both sides, the server on one core")
    table.add_column("sent")
    table.add_column("N", justify="right")
    table.add_column("CPU µs/packet\nmin/median/max", justify="right", style="bold")
    for heading in ("packets/\nmessage", "latency ms\np50/p99", "Python\n% of CPU"):
        table.add_column(heading, justify="right")
    group = ""
    for each in results.forwarding:
        if each.group != group and group:
            table.add_section()
        group = each.group
        table.add_row(*_forwarding_row(each))
    return table


def _forwarding_row(each: Repeated) -> list[str]:
    runs = each.runs

    def middle(name: str) -> float:
        return spread([getattr(run, name) for run in runs])[1]

    name = each.scenario.traffic.name
    if each.group == "hold":
        name = f"{name}, hold {each.scenario.hold_us / 1000:g} ms"
    elif each.scenario.tcp:
        name = f"{name}, by TCP"
    return [
        name,
        str(each.scenario.viewers),
        "/".join(f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in spread([run.cpu_us for run in runs])),
        f"{middle('packets_per_message'):.1f}",
        f"{middle('latency_p50_ms'):.1f}/{middle('latency_p99_ms'):.1f}",
        f"{100 * middle('python_share'):.1f}",
    ]


def _relay_table(results: Results) -> Table:
    table = _table("aiortc's MediaRelay, which decodes and encodes again (640×360, 30 frames/s)")
    for heading in (
        "N", "CPU µs/packet\nmin/median/max", "core/viewer\n%", "simplesfu\nµs/packet", "times as much",
    ):
        table.add_column(heading, justify="right", style="bold" if heading == "times as much" else "")
    for relay in results.relay:
        costs = spread([run.cpu_us for run in relay.runs])
        ours = call_cost_us(results, relay.viewers)
        share = spread([run.core_share for run in relay.runs])[1] / relay.viewers
        table.add_row(
            str(relay.viewers), "/".join(f"{cost:.0f}" for cost in costs), f"{100 * share:.1f}", f"{ours:.1f}",
            f"{costs[1] / ours:.0f}",
        )
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def call_cost_us(results: Results, viewers: int) -> float:
    """The median for a browser's own traffic."""
    runs = next(each.runs for each in results.group("call") if each.scenario.viewers == viewers)
    return spread([run.cpu_us for run in runs])[1]


def _verdict(results: Results) -> str:
    largest = results.group("bursts")[-1]
    middle = spread([run.cpu_us for run in largest.runs])[1]
    words = "[green]within[/green]" if middle <= FLOOR_US else "[red]above[/red]"
    return (
        f"{largest.scenario.traffic.name.capitalize()} packets to {largest.scenario.viewers} viewers: {middle:.2f} µs, "
        f"{words} the {FLOOR_US:.0f} µs that it may cost."
    )
