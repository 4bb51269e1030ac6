"""python -m bench.topologies: calls of 2 to 12 in Chromium as mesh and by the SFU, and what an MCU would do."""
from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.build import ROOT
from bench.topologies import mcu
from bench.topologies.call import Camera, Cost, Topology, measure
from bench.topologies.plots import draw

PEOPLE: Final = (2, 3, 4, 6, 8, 12)
QUICK_PEOPLE: Final = (2, 3, 4)
TOPOLOGIES: Final[tuple[Topology, ...]] = ("mesh", "sfu")
CAMERA: Final = Camera(width=160, height=90, fps=5, bitrate_bps=100_000)
"""Small enough for a mesh of twelve, 132 encoders and as many decoders, on two cores."""
SETTLE_S: Final = 6.0
MEASURED_S: Final = 10.0


async def measure_all(people: tuple[int, ...], console: Console) -> tuple[list[Cost], list[mcu.Mixing]]:
    costs, mixings = [], []
    with Progress(console=console) as progress:
        task = progress.add_task("", total=len(people) * (len(TOPOLOGIES) + 1))
        for count in people:
            for topology in TOPOLOGIES:
                progress.update(task, description=f"{topology}, {count} people")
                costs.append(await measure(topology, count, CAMERA, settle_s=SETTLE_S, seconds=MEASURED_S))
                progress.advance(task)
            progress.update(task, description=f"mcu, {count} people")
            mixings.append(mcu.measure(count, seconds=MEASURED_S, **asdict(CAMERA)))
            progress.advance(task)
    return costs, mixings


def tabulate(costs: list[Cost], mixings: list[mcu.Mixing]) -> Table:
    table = Table(
        title=f"Everybody sends {CAMERA.width}×{CAMERA.height} at {CAMERA.fps} pictures a second"
              f" and up to {CAMERA.bitrate_bps // 1000} kbit/s",
        title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("people", "", "up kbit/s", "down kbit/s", "browser % of a core", "server % of a core",
                    "pictures/s that arrive"):
        table.add_column(heading, justify="right")
    for mixing in mixings:
        for cost in costs:
            if cost.people == mixing.people:
                table.add_row(
                    str(cost.people), cost.topology, f"{cost.up_bps / 1000:.0f}", f"{cost.down_bps / 1000:.0f}",
                    f"{100 * cost.cpu_share:.1f}", f"{100 * cost.server_cpu_share:.1f}", f"{cost.fps:.1f}")
        table.add_row(
            str(mixing.people), "mcu", "", f"{mixing.mixed_bps / 1000:.0f}", "", f"{100 * mixing.cpu_share:.1f}", "")
        table.add_section()
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.topologies", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to four people, and no picture")
    quick = parser.parse_args().quick
    console = Console()
    costs, mixings = asyncio.run(measure_all(QUICK_PEOPLE if quick else PEOPLE, console))
    console.print(tabulate(costs, mixings))
    record = ROOT / "bench" / "out" / f"topologies-{datetime.now():%Y-%m-%d-%H%M%S}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"calls": [asdict(c) for c in costs], "mcu": [asdict(m) for m in mixings]}, indent=1))
    paths: list[Path] = [record]
    if not quick:
        paths.append(draw(costs, mixings, ROOT / "docs" / "images"))
    for path in paths:
        console.print(f"wrote {os.path.relpath(path)}", style="dim", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
