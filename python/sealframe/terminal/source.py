"""Frames for the terminal: from a camera, a browser, a video, a folder or picture files. BGR, uint8 HxWx3.

Opened for every round of captures and released at its end. Files repeat and are paced as a camera would be.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sealframe.acquisition import PICTURE_ENDINGS, frames
from sealframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

BROWSER = "browser"
FRAMES_PER_SECOND = 20
WAIT_SECONDS = 0.05
"""So long at most a person who cancels waits for a browser's next frame."""


class CameraDenied(ImageError):
    """The camera is there, and may not be used."""


class Source(Protocol):
    """Where frames come from."""

    def open(self) -> AbstractContextManager[Iterator[Pixels | None]]:
        """Frames until the block ends, None where none has come yet. Raises ImageError when there are none."""


class CameraSource:
    """A camera by its number."""

    def __init__(self, index: int) -> None:
        self._index = index

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """Frames as the camera gives them."""
        with frames(self._index) as stream:
            yield stream


class FileSource:
    """A video, a folder of pictures or picture files, again from the start at the end, as fast as a camera."""

    def __init__(self, *paths: str | Path, frames_per_second: float = FRAMES_PER_SECOND) -> None:
        self._paths = paths
        self._pause = 1 / frames_per_second

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """Frames at the chosen pace."""
        repeated = self._repeat()
        try:
            yield repeated
        finally:
            repeated.close()

    def _repeat(self) -> Any:
        while True:
            is_empty = True
            with frames(
                self._paths[0] if len(self._paths) == 1 and not _is_picture(self._paths[0]) else self._paths
            ) as stream:
                for frame in stream:
                    is_empty = False
                    yield frame
                    time.sleep(self._pause)
            if is_empty:
                raise ImageError("There is no picture where the frames should come from; check the source.")


class BrowserCamera:
    """The camera of the browser that shows the page: the page posts raw frames, this process seals them.

    A frame is taken only when one is wanted, and the page is told when the next one is: none is older than that, and
    nothing is transferred while a capture is sealed and sent.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_open = self._is_wanted = False
        self._frame: Pixels | None = None
        self._problem: ImageError | None = None

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """Frames as they are posted, None where none has come for a while."""
        self._set_open(True)
        try:
            yield self._frames()
        finally:
            self._set_open(False)

    def offer(self, frame: Pixels, timeout_s: float) -> None:
        """A page's frame, uint8 (H, W, 3) BGR. Returns when the next one is wanted, or the time is over."""
        with self._changed:
            if self._is_wanted:
                self._is_wanted, self._frame = False, frame
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_wanted or not self._is_open, timeout_s)

    def report(self, problem: ImageError) -> None:
        """The page cannot use its camera."""
        with self._changed:
            if self._is_open:
                self._problem = problem
                self._changed.notify_all()

    def _set_open(self, is_open: bool) -> None:
        with self._changed:
            self._is_open, self._is_wanted, self._frame, self._problem = is_open, False, None, None
            self._changed.notify_all()

    def _frames(self) -> Iterator[Pixels | None]:
        while True:
            with self._changed:
                self._is_wanted = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._frame is not None or self._problem is not None, WAIT_SECONDS)
                if self._problem is not None:
                    raise self._problem
                frame, self._frame = self._frame, None
            yield frame


def source_of(text: str) -> Source:
    """A source as the command line names it: a camera's number, `browser`, or a path. Raises ImageError for no file."""
    if text == BROWSER:
        return BrowserCamera()
    if text.isdecimal():
        return CameraSource(int(text))
    if not Path(text).exists():
        raise ImageError(f"There is no video or folder {text}; name one, a camera's number, or browser.")
    return FileSource(text)


def _is_picture(path: str | Path) -> bool:
    return Path(path).suffix.lower() in PICTURE_ENDINGS
