"""`sealframe samples`: a folder of drawn pictures to try the other commands with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.errors import PolicyError
from sealframe.files import require_place, write_whole_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe samples samples"
PUBLIC = 0o644


def add_options(parser: ArgumentParser) -> None:
    """Add the folder and --force."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder for the pictures; created if missing")
    parser.add_argument("--force", action="store_true", help="overwrite existing samples")


def run(options: Namespace) -> int:
    """Write every sample and print what it is; no file when one of them is there already."""
    from sealframe.cli.drawings import draw_samples

    folder: Path = options.folder
    if folder.exists() and not folder.is_dir():
        raise PolicyError(f"{folder} is a file; name a folder for the pictures.")
    folder.mkdir(parents=True, exist_ok=True)
    samples = list(draw_samples())
    for sample in samples:
        require_place(folder / sample.name, overwrite=options.force)
    for sample in samples:
        path = folder / sample.name
        write_whole_file(path, sample.content, mode=PUBLIC, overwrite=options.force)
        print(f"{path}  {sample.meaning}, {'x'.join(map(str, sample.size))}")
    return 0
