"""`sealframe seal`: a picture file becomes an envelope, a folder of pictures a folder of envelopes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.acquisition import PICTURE_ENDINGS
from sealframe.cli.folder import files_in, run_over, target_folder
from sealframe.cli.options import (
    add_jobs,
    add_out,
    add_password_file,
    add_profile,
    add_splice_rule,
    splice_rule_of,
)
from sealframe.cli.passwords import KeyPasswords
from sealframe.cli.printing import say
from sealframe.cli.streams import read_picture, write_output

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.cli.folder import Step

EXAMPLE = "sealframe seal photo.jpg --to server.pub --as pos.key --out photo.seal"


def add_options(parser: ArgumentParser) -> None:
    """Picture, keys, data, profile, and where the envelope goes."""
    parser.add_argument(
        "image", metavar="IMAGE", help="the picture file, a folder of pictures, or - for standard input"
    )
    parser.add_argument(
        "--to",
        metavar="PUB",
        required=True,
        action="append",
        help="a recipient: a server's public key (server.pub) or a shared key; may be repeated",
    )
    parser.add_argument(
        "--as",
        metavar="KEY",
        required=True,
        dest="device",
        help="the device's private key (pos.key); its .counter file must be in the same folder",
    )
    parser.add_argument(
        "--data", metavar="FILE", help="seal and sign the content of FILE with the picture (at most 64 KiB)"
    )
    add_profile(parser)
    add_splice_rule(parser)
    add_jobs(parser)
    add_out(parser, "the envelope")
    add_password_file(parser)


def run(options: Namespace) -> int:
    """Seal with the counter that lies beside the device's key."""
    passwords = KeyPasswords(options.password_file)
    if Path(options.image).is_dir():
        return _run_folder(options, passwords)
    picture = read_picture(options.image)
    envelope = _sealer(options, passwords).seal(picture, _data(options))
    write_output(options.out, envelope, force=options.force)
    say(f"Sealed {len(picture)} bytes into {len(envelope)}.", out=options.out)
    return 0


def _run_folder(options: Namespace, passwords: KeyPasswords) -> int:
    out = target_folder(options.out)
    pairs = files_in(Path(options.image), PICTURE_ENDINGS, lambda path: out / f"{path}.seal")
    step = partial(_step, options, passwords)
    return run_over(pairs, step, jobs=options.jobs, force=options.force, done="Sealed")


def _step(options: Namespace, passwords: KeyPasswords) -> Step:
    sealer, data = _sealer(options, passwords), _data(options)

    def seal(source: Path, target: Path) -> None:
        write_output(str(target), sealer.seal(read_picture(str(source)), data), force=options.force)

    return seal


def _sealer(options: Namespace, passwords: KeyPasswords) -> sf.Sealer:
    return sf.Sealer(
        to=[passwords.load_recipient(path) for path in options.to],
        device=passwords.load_device(options.device),
        counter=sf.CounterFile(Path(options.device).with_suffix(".counter")),
        path=options.path,
        reduction=options.reduction,
        splice_rule=splice_rule_of(options),
    )


def _data(options: Namespace) -> bytes:
    return Path(options.data).read_bytes() if options.data else b""
