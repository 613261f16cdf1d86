"""`sealframe demo pay`: a whole bank in a temporary folder; all of it TEST."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.options import add_screen

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe demo pay --faces people    (people/ann/1.jpg ... people/ben/4.jpg)"


def add_options(parser: ArgumentParser) -> None:
    """Whose faces, and whether a terminal is opened."""
    parser.add_argument(
        "--faces",
        metavar="FOLDER",
        help="pictures of two people: one subfolder for each, at least four pictures in each",
    )
    parser.add_argument("--terminal", action="store_true", help="serve the bank and open a terminal that pays there")
    add_screen(parser, "the terminal's")


def run(options: Namespace) -> int:
    """Exit 1 when anything did not go as it must."""
    people = Path(options.faces) if options.faces else None
    with tempfile.TemporaryDirectory() as folder:
        if options.terminal:
            from sealframe.sandbox.terminal import run_terminal

            is_sound = run_terminal(Path(folder), people, ui=options.ui, opens_browser=options.browser, say=_say)
        else:
            from sealframe.sandbox.demonstration import demonstrate

            is_sound = demonstrate(Path(folder), people, _say)
    return 0 if is_sound else 1


def _say(line: str) -> None:
    print(f"TEST       {line}", flush=True)
