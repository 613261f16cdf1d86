"""`sealframe seal`: a picture file becomes an envelope, a folder of pictures a folder of envelopes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.acquisition import PICTURE_ENDINGS
from sealframe.cli.folder import files_in, run_over
from sealframe.cli.keys import Passwords, load_recipient
from sealframe.cli.streams import read_picture, say, write_output

if TYPE_CHECKING:
    import argparse

    from sealframe.cli.folder import Step


def run(arguments: argparse.Namespace) -> int:
    """Seal with the counter that lies beside the device's key."""
    if Path(arguments.image).is_dir():
        return _run_folder(arguments)
    picture = read_picture(arguments.image)
    envelope = _sealer(arguments).seal(picture, _data(arguments))
    write_output(arguments.out, envelope, force=arguments.force)
    say(f"Sealed {len(picture)} bytes into {len(envelope)}.", out=arguments.out)
    return 0


def _run_folder(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    pairs = files_in(Path(arguments.image), PICTURE_ENDINGS, lambda path: out / f"{path}.seal")
    return run_over(pairs, _step, arguments, done="Sealed")


def _step(arguments: argparse.Namespace) -> Step:
    sealer, data = _sealer(arguments), _data(arguments)

    def seal(source: Path, target: Path) -> None:
        write_output(str(target), sealer.seal(read_picture(str(source)), data), force=arguments.force)

    return seal


def _sealer(arguments: argparse.Namespace) -> sf.Sealer:
    passwords = Passwords(arguments)
    return sf.Sealer(
        to=[load_recipient(path, passwords) for path in arguments.to],
        device=passwords.load(sf.DeviceKey.load, arguments.device),
        counter=sf.CounterFile(Path(arguments.device).with_suffix(".counter")),
        path=arguments.path,
        reduction=arguments.reduction,
    )


def _data(arguments: argparse.Namespace) -> bytes:
    return Path(arguments.data).read_bytes() if arguments.data else b""
