"""Which frame of the camera is sealed: the first after a while of good ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sealframe.errors import ImageError
from sealframe.terminal.camera.quality import Hint, centre_square, rate_frame
from sealframe.terminal.events import CannotCapture
from sealframe.terminal.latency import QUALITY
from sealframe.terminal.states import Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.terminal.latency import Latency
    from sealframe.terminal.pauses import Pauses
    from sealframe.terminal.session import PaymentSession

    Pixels = NDArray[np.uint8]


class FrameSelector:
    """Shows every frame of a camera with a hint, until one can be sealed."""

    def __init__(self, session: PaymentSession, pauses: Pauses, latency: Latency) -> None:
        self._session = session
        self.pauses = pauses
        self._latency = latency

    def select(self, frames: Iterator[Pixels | None]) -> Pixels | None:
        """Wait for a frame that is good enough to seal.

        Parameters
        ----------
        frames
            uint8 (H, W, 3) BGR, or None where none has come for a while.

        Returns
        -------
        numpy.ndarray or None
            The frame's middle, uint8 (S, S, 3) BGR; None when the payment is left, or no good frame came in time.

        Raises
        ------
        ImageError
            When the camera gives no more frames.
        """
        session = self._session
        steady = self.pauses.next_try if session.now.state is State.RETRYING else self.pauses.steady
        started = good_since = time.monotonic()
        for frame in frames:
            now = time.monotonic()
            if session.is_left():
                return None
            if now - started > self.pauses.no_good_picture:
                self._give_up()
                return None
            if frame is None:
                continue
            self._latency.begin()
            square = centre_square(frame)
            hint = rate_frame(square)
            session.board.show_frame(square, hint)
            if hint is not Hint.GOOD:
                good_since = now
            elif now - good_since >= steady:
                self._latency(QUALITY)
                return square
        raise ImageError("The camera gives no more frames; check its connection.")

    def _give_up(self) -> None:
        has_picture = self._session.board.preview is not None
        self._session.to(CannotCapture(Reason.NO_GOOD_PICTURE if has_picture else Reason.NO_CAMERA))
