"""`sealframe inspect`: what anyone can see of an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_json
from sealframe.cli.printing import print_json
from sealframe.cli.streams import read_envelope
from sealframe.envelope import inspect

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe inspect photo.seal --json"
MEANINGS = {
    "version": "of the format",
    "suite": "how the content key is wrapped and the content encrypted",
    "sign": "the algorithm with which the device signed",
    "mode": "a message, or the opening of a session",
    "factor_profile": "how the picture was measured: networks, similarity, reduction",
    "recipients": "ids of the keys that can open it",
    "signer": "id of the device's key",
    "message_id": "random, never the same twice",
    "factor_tag": "commits to picture, context and data, and shows nothing of them",
    "header_bytes": "before the signature",
    "signature_bytes": "of the device",
    "content_bytes": "encrypted: factor, context, data, picture",
    "payload_bytes_at_most": "the picture is smaller by factor, context and data",
}
"""What each fact of a header says."""


def add_options(parser: ArgumentParser) -> None:
    """The envelope, and how its facts are printed."""
    parser.add_argument("envelope", metavar="FILE", help="the envelope, or - for standard input")
    add_json(parser)


def run(options: Namespace) -> int:
    """Print the header's facts; nothing of them is verified."""
    facts = inspect(read_envelope(options.envelope))
    if options.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            spelled = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"{name:23}{spelled}  ({MEANINGS[name]})")
        print("Nothing shown here was verified; open the envelope to verify it.")
    return 0
