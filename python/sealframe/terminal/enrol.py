"""`sealframe enrol`: a face from a camera or from pictures, sealed frame by frame, to the server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.acquisition import PICTURE_ENDINGS, frames
from sealframe.cli.keys import Passwords
from sealframe.image import read_picture_file
from sealframe.payment_protocol import EnrolmentRequest
from sealframe.terminal.camera.quality import Hint, centre_square, rate_frame
from sealframe.terminal.link import NoReply, ServerLink

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

FRAMES = 3
MOST_PICTURES = 10
SECONDS_BETWEEN_FRAMES = 1.0
PATIENCE_S = 30.0
REPLY_SECONDS = 60.0


def run(arguments: argparse.Namespace) -> int:
    """Enrol, and print the template's id. Raises PolicyError with the server's reason, or when it cannot be reached."""
    data = _request(arguments.account)
    token = _token_in(Path(arguments.token_file))
    key = Path(arguments.device)
    device, server = Passwords(arguments).load(sf.DeviceKey.load, key), sf.ServerPublic.load(arguments.to)
    sealer = sf.Sealer(to=server, device=device, counter=sf.CounterFile(key.with_suffix(".counter")))
    if len(arguments.source) == 1 and arguments.source[0].isdecimal():
        envelopes = [sealer.seal(square, data, order="bgr") for square in _captured(int(arguments.source[0]))]
    else:
        envelopes = [sealer.seal(picture, data) for picture in _pictures(arguments.source)]
    with ServerLink(arguments.server, reply_seconds=REPLY_SECONDS) as link:
        try:
            template = link.enrol(arguments.account, envelopes, token)
        except NoReply:
            raise sf.PolicyError("The server did not answer; look whether it runs, and enrol again.") from None
    print(template)
    return 0


def _request(account: str) -> bytes:
    try:
        return EnrolmentRequest(account).encode()
    except ValueError as error:
        raise sf.PolicyError(f"The account cannot be enrolled: {error}.") from None


def _token_in(file: Path) -> str:
    words = file.read_text(errors="replace").split()
    if len(words) != 1 or not words[0].isascii():
        raise sf.PolicyError(f"{file} holds no token; write the line into it that `sealframe server token` printed.")
    return words[0]


def _captured(camera: int) -> Iterator[NDArray[np.uint8]]:
    """Good frames of a camera, a moment apart, so that they are not one frame three times."""
    print("Look into the camera, from the front.", flush=True)
    taken, last, end = 0, 0.0, time.monotonic() + PATIENCE_S
    with frames(camera) as stream:
        for frame in stream:
            now = time.monotonic()
            if now > end:
                raise sf.ImageError("The camera gave no picture that serves; see to light and distance.")
            square = centre_square(frame)
            if now - last < SECONDS_BETWEEN_FRAMES or rate_frame(square) is not Hint.GOOD:
                continue
            yield square
            taken, last = taken + 1, now
            print(f"{taken} of {FRAMES}", flush=True)
            if taken == FRAMES:
                return


def _pictures(sources: list[str]) -> Iterator[bytes]:
    """Picture files, and the pictures of folders, by name."""
    for source in map(Path, sources):
        yield from map(read_picture_file, _pictures_in(source) if source.is_dir() else [source])


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURE_ENDINGS)[:MOST_PICTURES]
