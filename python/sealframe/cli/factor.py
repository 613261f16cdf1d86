"""`sealframe factor`: a picture's image factor, in hexadecimal, as JSON or as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.plot import plot_factor
from sealframe.cli.streams import print_json, read_picture
from sealframe.files import write_whole_file
from sealframe.image import frame_from_bytes
from sealframe.image_factor import compute_image_factor, profile_by_name

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Compute, draw if asked, print."""
    frame = frame_from_bytes(read_picture(arguments.image))
    profile = profile_by_name("gan", arguments.reduction)
    factor = compute_image_factor(frame, profile)
    if arguments.plot:
        write_whole_file(arguments.plot, plot_factor(factor), mode=0o644, overwrite=arguments.force)
    if arguments.json:
        print_json(
            {
                "profile": profile.number,
                "path": profile.path,
                "reduction": profile.reduction,
                "side": profile.side,
                "window": profile.window,
                "models": dict(profile.models),
                "width": frame.width,
                "height": frame.height,
                "factor": factor.bytes.hex(),
            }
        )
    else:
        print(factor.bytes.hex())
    return 0
