"""`sealframe factor`: a picture's image factor, in hexadecimal, as JSON or as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.plot import plot_factor
from sealframe.cli.streams import print_json, read_picture
from sealframe.errors import PolicyError
from sealframe.factor import compute_image_factor, profile_by_name
from sealframe.files import write_whole_file
from sealframe.image import frame_from_bytes

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Compute, draw if asked, print."""
    frame = frame_from_bytes(read_picture(arguments.image))
    profile = profile_by_name(arguments.path, arguments.reduction)
    factor = compute_image_factor(frame, profile, noise_seed=_noise_seed(arguments))
    if arguments.plot:
        write_whole_file(arguments.plot, plot_factor(factor), mode=0o644, overwrite=arguments.force)
    if arguments.json:
        print_json(
            {
                "profile": profile.number,
                "path": profile.path,
                "reduction": profile.reduction,
                "side": profile.side,
                "map_side": profile.map_side,
                "noise_seed": arguments.noise_seed,
                "models": dict(profile.models),
                "width": frame.width,
                "height": frame.height,
                "factor": factor.bytes.hex(),
            }
        )
    else:
        print(factor.bytes.hex())
    return 0


def _noise_seed(arguments: argparse.Namespace) -> bytes | None:
    if arguments.noise_seed is None:
        return None
    if arguments.path != "vae":
        raise PolicyError(f"The path {arguments.path} draws no noise; leave --noise-seed out.")
    try:
        seed = bytes.fromhex(arguments.noise_seed)
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise PolicyError("The noise seed is not 64 hexadecimal digits.")
    return seed
