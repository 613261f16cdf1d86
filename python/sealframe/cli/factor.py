"""`sealframe factor`: a picture's image factor, in hexadecimal, as JSON or as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.factor_plot import plot_factor
from sealframe.cli.options import add_json, add_profile
from sealframe.cli.printing import print_json
from sealframe.cli.streams import read_picture
from sealframe.errors import PolicyError
from sealframe.factor import compute_image_factor, profile_by_name
from sealframe.files import write_whole_file
from sealframe.image import frame_from_bytes

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe factor photo.jpg --json --plot factor.png"


def add_options(parser: ArgumentParser) -> None:
    """Picture, profile, and how the factor is shown."""
    parser.add_argument(
        "image", metavar="IMAGE", help="the picture (JPEG, PNG, TIFF, WebP or BMP), or - for standard input"
    )
    add_profile(parser)
    parser.add_argument(
        "--noise-seed",
        metavar="HEX",
        help="draw noise from this seed of 64 hexadecimal digits; only for --path vae (default: no noise)",
    )
    add_json(parser)
    parser.add_argument(
        "--plot", metavar="PNG", help="draw the picture, the derived image, the similarity map and its rows to PNG"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file that --plot names")


def run(options: Namespace) -> int:
    """Compute, draw if asked, print."""
    frame = frame_from_bytes(read_picture(options.image))
    profile = profile_by_name(options.path, options.reduction)
    factor = compute_image_factor(frame, profile, noise_seed=_noise_seed(options))
    if options.plot:
        write_whole_file(options.plot, plot_factor(factor), mode=0o644, overwrite=options.force)
    if options.json:
        print_json(
            {
                "profile": profile.number,
                "path": profile.path,
                "reduction": profile.reduction,
                "side": profile.side,
                "map_side": profile.map_side,
                "noise_seed": options.noise_seed,
                "models": dict(profile.models),
                "width": frame.width,
                "height": frame.height,
                "factor": factor.bytes.hex(),
            }
        )
    else:
        print(factor.bytes.hex())
    return 0


def _noise_seed(options: Namespace) -> bytes | None:
    if options.noise_seed is None:
        return None
    if options.path != "vae":
        raise PolicyError(f"--noise-seed has no use with --path {options.path}; remove it, or choose --path vae.")
    try:
        seed = bytes.fromhex(options.noise_seed)
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise PolicyError("--noise-seed must be 64 hexadecimal digits (32 bytes).")
    return seed
