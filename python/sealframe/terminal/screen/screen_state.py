"""What stands before the person now: written by the one thread that acts, read by screens in any thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sealframe.terminal.camera.quality import Hint
from sealframe.terminal.states import Situation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


class ScreenState:
    """Situation, hint and newest frame. Any thread may read the attributes; the controller alone changes them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.situation = Situation()
        self.hint = Hint.GOOD
        """What the person can do about the picture, while one is being taken."""
        self.preview: Pixels | None = None
        """The newest square while a camera is open, uint8 (S, S, 3) BGR; None otherwise."""
        self.frames = 0
        """How many squares were shown."""
        self.version = 0
        """Increases whenever situation or hint change."""
        self.ended = False
        """Whether the terminal is ending."""

    def wait_for_change(self, seen: int, timeout_s: float) -> int:
        """The version, once it is another than `seen`, the terminal ends, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != seen or self.ended, timeout_s)
            return self.version

    def wait_for_frame(self, seen: int, timeout_s: float) -> tuple[int, Pixels | None]:
        """Number and pixels of the newest square, once it is another than `seen`, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.frames != seen or self.ended, timeout_s)
            return self.frames, self.preview

    def wait_for_end(self, timeout_s: float) -> None:
        """Until the terminal ends, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended, timeout_s)

    def show(self, situation: Situation) -> None:
        """Another screen."""
        with self._changed:
            self.situation, self.hint = situation, Hint.GOOD
            self.version += 1
            self._changed.notify_all()

    def show_frame(self, square: Pixels, hint: Hint) -> None:
        """A frame, and what is to be said about it."""
        with self._changed:
            self.preview = square
            self.frames += 1
            if hint is not self.hint:
                self.hint = hint
                self.version += 1
            self._changed.notify_all()

    def show_no_frame(self) -> None:
        """The camera is closed."""
        with self._changed:
            self.preview = None
            self.frames += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Wake everybody who waits, for the last time."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()
