"""A face to the server: frames of a camera, or pictures, each sealed, sent with an operator's token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.acquisition import PICTURE_ENDINGS, frames
from sealframe.image import read_picture_file
from sealframe.payment_protocol import EnrolmentRequest
from sealframe.terminal.camera.quality import Hint, centre_square, rate_frame
from sealframe.terminal.link import NoReply, ServerLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FRAMES = 3
MOST_PICTURES = 10
SECONDS_BETWEEN_FRAMES = 1.0
PATIENCE_S = 30.0
REPLY_SECONDS = 60.0


class EnrolmentSender:
    """One account's face, on its way to one server."""

    def __init__(self, account: str, sealer: sf.Sealer) -> None:
        """`sealer` seals to the server, as a device that is registered there.

        Raises PolicyError for an account that no request can carry.
        """
        try:
            self._request = EnrolmentRequest(account).encode()
        except ValueError as error:
            raise sf.PolicyError(f"--account cannot be used: {error}.") from None
        self._account, self._sealer = account, sealer
        self._envelopes: list[bytes] = []

    def take_camera(self, camera: int, say: Callable[[str], None]) -> None:
        """Seal good frames of a camera.

        Parameters
        ----------
        camera
            Its number.
        say
            Called with a line for the person before it.

        Raises
        ------
        ImageError
            When the camera gives none for half a minute.

        """
        say("Look straight into the camera.")
        for taken, square in enumerate(_good_frames(camera), 1):
            self._envelopes.append(self._sealer.seal(square, self._request, order="bgr"))
            say(f"{taken} of {FRAMES}")

    def take_pictures(self, sources: Sequence[Path]) -> None:
        """Seal picture files, and the pictures of folders by name. Raises ImageError for an unreadable one."""
        for source in sources:
            for path in _pictures_in(source) if source.is_dir() else [source]:
                self._envelopes.append(self._sealer.seal(read_picture_file(path), self._request))

    def send(self, server_url: str, token: str) -> str:
        """Send what was sealed.

        Parameters
        ----------
        server_url
            https://..., or http:// on this computer alone.
        token
            An operator's.

        Returns
        -------
        str
            The template's id.

        Raises
        ------
        PolicyError
            With the server's reason, or when it cannot be reached.

        """
        with ServerLink(server_url, reply_seconds=REPLY_SECONDS) as link:
            try:
                return link.enrol(self._account, self._envelopes, token)
            except NoReply:
                raise sf.PolicyError(
                    "The server did not answer; check that the server runs, and enrol again."
                ) from None


def token_in(file: Path) -> str:
    """The operator's token in a file. Raises PolicyError when it holds none."""
    words = file.read_text(errors="replace").split()
    if len(words) != 1 or not words[0].isascii():
        raise sf.PolicyError(f"{file} holds no token; save the output of `sealframe server token` in this file.")
    return words[0]


def _good_frames(camera: int) -> Iterator[NDArray[np.uint8]]:
    """Squares (side, side, 3) BGR, a moment apart, so that they are not one frame three times."""
    taken, last, end = 0, 0.0, time.monotonic() + PATIENCE_S
    with frames(camera) as stream:
        for frame in stream:
            now = time.monotonic()
            if now > end:
                raise sf.ImageError("The camera gave no usable picture; improve the light or the distance.")
            square = centre_square(frame)
            if now - last < SECONDS_BETWEEN_FRAMES or rate_frame(square) is not Hint.GOOD:
                continue
            yield square
            taken, last = taken + 1, now
            if taken == FRAMES:
                return


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURE_ENDINGS)[:MOST_PICTURES]
