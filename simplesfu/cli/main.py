"""The arguments of the command line."""
from __future__ import annotations

import argparse
from collections.abc import Sequence

from simplesfu.cli import doctor


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when all is well, 1 when something is not, 2 when the arguments make no sense."""
    parsed = make_parser().parse_args(arguments)
    code: int = parsed.run(parsed)
    return code


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simplesfu", description="Media for Socket.IO applications.")
    commands = parser.add_subparsers(required=True, metavar="command")
    doctor.add_to(commands)
    return parser
