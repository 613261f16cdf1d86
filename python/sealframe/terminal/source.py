"""Frames for the terminal: from a camera, a video, a folder or picture files. BGR, uint8 HxWx3.

Opened for every round of captures and released at its end. Files repeat and are paced as a camera would be.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sealframe.acquisition import frames
from sealframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FRAMES_PER_SECOND = 20


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


def source_of(text: str) -> Source:
    """A source as the command line names it: a camera's number, or a path."""
    return CameraSource(int(text)) if text.isdecimal() else FileSource(text)


def _is_picture(path: str | Path) -> bool:
    from sealframe.acquisition import PICTURE_ENDINGS

    return Path(path).suffix.lower() in PICTURE_ENDINGS
