"""`sealframe seal`: a picture file becomes an envelope."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli.keys import load_recipient
from sealframe.cli.streams import password_of, read_picture, say, write_output

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Seal with the counter that lies beside the device's key."""
    picture = read_picture(arguments.image)
    data = Path(arguments.data).read_bytes() if arguments.data else b""
    sealer = sf.Sealer(
        to=[load_recipient(path) for path in arguments.to],
        device=sf.DeviceKey.load(arguments.device, password_of(arguments)),
        counter=sf.CounterFile(Path(arguments.device).with_suffix(".counter")),
        reduction=arguments.reduction,
    )
    envelope = sealer.seal(picture, data)
    write_output(arguments.out, envelope, force=arguments.force)
    say(f"Sealed {len(picture)} bytes into {len(envelope)}.", out=arguments.out)
    return 0
