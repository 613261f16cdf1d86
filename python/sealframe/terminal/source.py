"""Frames for the terminal: from a camera, a video, a folder or picture files, or a browser. BGR, uint8 HxWx3.

Opened for every round of captures and released at its end. Files repeat and are paced as a camera would be.
"""

from __future__ import annotations

import queue
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sealframe.acquisition import frames
from sealframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FRAMES_PER_SECOND = 20
BROWSER_WAIT_S = 0.05
MAX_BROWSER_SIDE = 1920


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


class BrowserSource:
    """Frames that the page's browser posts. Only the newest waits, and only while a round of captures is open."""

    def __init__(self) -> None:
        self._frames: queue.Queue[Pixels] | None = None
        self._refused = False

    @property
    def is_open(self) -> bool:
        """Whether frames are wanted now."""
        return self._frames is not None

    def offer(self, rgba: bytes, width: int, height: int) -> bool:
        """A frame as a canvas gives it; False when none is wanted. Raises ImageError for a size that is not its own."""
        if not (0 < width <= MAX_BROWSER_SIDE and 0 < height <= MAX_BROWSER_SIDE and len(rgba) == 4 * width * height):
            raise ImageError("The browser's frame does not have the size it names.")
        waiting = self._frames
        if waiting is None:
            return False
        bgr = np.ascontiguousarray(np.frombuffer(rgba, np.uint8).reshape(height, width, 4)[..., 2::-1])
        while True:
            try:
                waiting.put_nowait(bgr)
            except queue.Full:
                _drop_oldest(waiting)
            else:
                return True

    def refuse(self) -> None:
        """The browser has no camera, or may not use it."""
        self._refused = True

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """Frames as they are posted."""
        self._refused = False
        self._frames = queue.Queue(maxsize=1)
        try:
            yield self._posted(self._frames)
        finally:
            self._frames = None

    def _posted(self, waiting: queue.Queue[Pixels]) -> Iterator[Pixels | None]:
        while True:
            if self._refused:
                raise ImageError("The browser gives no camera.")
            try:
                yield waiting.get(timeout=BROWSER_WAIT_S)
            except queue.Empty:
                yield None


def source_of(text: str) -> Source:
    """A source as the command line names it: a camera's number, "browser", or a path."""
    if text == "browser":
        return BrowserSource()
    return CameraSource(int(text)) if text.isdecimal() else FileSource(text)


def _is_picture(path: str | Path) -> bool:
    from sealframe.acquisition import PICTURE_ENDINGS

    return Path(path).suffix.lower() in PICTURE_ENDINGS


def _drop_oldest(waiting: queue.Queue[Pixels]) -> None:
    try:
        waiting.get_nowait()
    except queue.Empty:
        return
