"""python -m bench [--quick]: prints tables, writes bench/out/*.json and the pictures in docs/benchmarks.md."""
from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from bench.build import ROOT, build_generator

OUT: Final = ROOT / "bench" / "out"
IMAGES: Final = ROOT / "docs" / "images"


def main() -> int:
    arguments = _arguments()
    if sys.platform != "linux":
        print("The benchmark reads the scheduler's books in /proc, so it needs Linux.", file=sys.stderr)
        return 1
    build_generator()
    measure(arguments.quick, arguments.images or (OUT if arguments.quick else IMAGES))
    return 0


def measure(quick: bool, images: Path) -> None:
    # Not before the generator has been built.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bench.accounting import choose_cores
    from bench.plots import draw
    from bench.report import print_tables, write_json
    from bench.suite import FULL, QUICK, plan

    console = Console()
    server_core, own_core = choose_cores()
    os.sched_setaffinity(0, {own_core})
    if server_core == own_core:
        console.print("There is one core only: server and load share it, and the figures suffer.", style="yellow")
    results, steps = plan(QUICK if quick else FULL, server_core)
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
    # No refresh while something is measured: it would take the load's core.
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("", total=len(steps))
        for name, step in steps:
            progress.update(task, description=name, refresh=True)
            step()
            progress.advance(task)
        progress.update(task, description="done", refresh=True)
    print_tables(console, results)
    record = OUT / f"{datetime.now():%Y-%m-%d-%H%M%S}.json"
    write_json(record, results)
    for path in (record, *draw(results, images)):
        console.print(f"wrote {os.path.relpath(path)}", style="dim", highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What forwarding a packet costs here.")
    parser.add_argument("--quick", action="store_true", help="one minute instead of five: fewer runs, each once")
    parser.add_argument("--images", type=Path, help="folder for the pictures (docs/images; with --quick bench/out)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
