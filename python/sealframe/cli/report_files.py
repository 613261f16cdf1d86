"""A report as JSON with its plot beside it: options, looked at before the work, written after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.cli.options import add_json
from sealframe.files import require_place, write_whole_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_report(parser: ArgumentParser, default: str, what: str) -> None:
    """--out, --force and --json of a report, `what`."""
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path(default),
        help=f"write {what} to FILE and the plot to a .png file beside it (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    add_json(parser)


def require_report_places(options: Namespace) -> None:
    """Raise the OSError of `write_report` that is known before the work."""
    for path in (options.out, options.out.with_suffix(".png")):
        require_place(path, overwrite=options.force)


def write_report(options: Namespace, report: dict[str, Any], plot: bytes) -> None:
    """Write the report, and its plot, PNG, beside it. Raises OSError."""
    write_whole_file(options.out, (json.dumps(report, indent=2) + "\n").encode(), overwrite=options.force)
    write_whole_file(options.out.with_suffix(".png"), plot, overwrite=options.force)
