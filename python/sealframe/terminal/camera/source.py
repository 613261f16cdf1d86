"""Frames for the terminal: from a camera, a browser, a video, a folder or numbered pictures. BGR, uint8 HxWx3.

Opened for every round of captures and released at its end. Files repeat and are paced as a camera would be.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sealframe.acquisition import PICTURE_ENDINGS, frames
from sealframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_log = logging.getLogger("sealframe.terminal")

BROWSER = "browser"
FRAMES_PER_SECOND = 20
WAIT_SECONDS = 0.05
"""So long at most a person who cancels waits for the next frame."""
RELEASE_SECONDS = 1.0
_NUMBERED = re.compile("%0?[0-9]*d")


class CameraDenied(ImageError):
    """The camera is there, and may not be used."""


class Source(Protocol):
    """Where frames come from."""

    def open(self) -> AbstractContextManager[Iterator[Pixels | None]]:
        """Frames until the block ends, None where none has come yet. Raises ImageError when there are none."""


class CameraSource:
    """A camera by its number, read in a thread of its own: opening one takes a second, and one that hangs ten."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._reader: _CameraReader | None = None

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """The camera's newest frames, None where none has come for a while."""
        self._reader = _CameraReader(self._index, after=self._reader)
        try:
            yield self._reader.frames()
        finally:
            self._reader.close()


class _CameraReader:
    """Opens a camera, keeps its newest frame, and releases it."""

    def __init__(self, index: int, after: _CameraReader | None) -> None:
        """`after`: who had the camera before, and may not have given it back yet."""
        self._index = index
        self._changed = threading.Condition()
        self._newest: Pixels | None = None
        self._problem: ImageError | None = None
        self._is_closed = self._has_ended = False
        self._thread = threading.Thread(target=self._read, args=(after,), name="camera", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Pixels | None]:
        """Every frame once, and only the newest. Raises ImageError when there is no camera."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._has_ended, WAIT_SECONDS)
                if self._problem is not None:
                    raise self._problem
                if self._has_ended:
                    return
                frame, self._newest = self._newest, None
            yield frame

    def close(self) -> None:
        """Release the camera; from one that hangs nobody waits for more than a moment."""
        self._is_closed = True
        self._thread.join(RELEASE_SECONDS)

    def _read(self, after: _CameraReader | None) -> None:
        try:
            if after is not None:
                after._thread.join()
            if not self._is_closed:
                self._keep_newest()
        except ImageError as error:
            self._problem = error
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _keep_newest(self) -> None:
        with frames(self._index) as stream:
            for frame in stream:
                if self._is_closed:
                    return
                with self._changed:
                    self._newest = frame
                    self._changed.notify_all()


class FileSource:
    """A video, or pictures in their order, again from the start at the end, as fast as a camera."""

    def __init__(self, *paths: str | Path, frames_per_second: float = FRAMES_PER_SECOND) -> None:
        """One video, or picture files. What cannot be read among pictures is left out. Raises ImageError for none."""
        if not paths:
            raise ImageError("--source holds no picture; check the path.")
        self._paths = paths
        self._pause = 1 / frames_per_second
        self._left_out: set[str | Path] = set()

    @contextmanager
    def open(self) -> Iterator[Iterator[Pixels | None]]:
        """Frames at the chosen pace."""
        repeated = self._repeat()
        try:
            yield repeated
        finally:
            repeated.close()

    def _repeat(self) -> Generator[Pixels]:
        while True:
            is_empty = True
            for path in self._paths:
                for frame in self._frames_of(path):
                    is_empty = False
                    yield frame
                    time.sleep(self._pause)
            if is_empty:
                raise ImageError("--source holds no readable picture; check the files.")

    def _frames_of(self, path: str | Path) -> Iterator[Pixels]:
        try:
            with frames([path] if _is_picture(path) else path) as stream:
                yield from stream
        except ImageError:
            if len(self._paths) == 1:
                raise
            if path not in self._left_out:
                self._left_out.add(path)
                _log.warning("skipped a picture that cannot be read: %s", path)


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
    """A source as the command line names it. Raises ImageError where there is nothing that can be read.

    A camera's number, `browser`, a video, a picture, a folder of pictures, or numbered pictures as `face_%03d.png`.
    """
    if text == BROWSER:
        return BrowserCamera()
    if text.isdecimal():
        return CameraSource(int(text))
    source = FileSource(*_files(Path(text)))
    with source.open() as frames_of_source:
        next(frames_of_source)
    return source


def _files(path: Path) -> list[Path]:
    """The video or the pictures that are meant by a path."""
    if path.is_dir():
        return sorted(one for one in path.iterdir() if _is_picture(one))
    if path.exists():
        return [path]
    if _NUMBERED.search(path.name):
        return _numbered(path)
    raise ImageError(f"--source {path} does not exist; give a camera's number, browser, a video or a folder.")


def _is_picture(path: str | Path) -> bool:
    return Path(path).suffix.lower() in PICTURE_ENDINGS


def _numbered(pattern: Path) -> list[Path]:
    """The files of a sequence, in the order of their numbers."""
    before, after = _NUMBERED.split(pattern.name, maxsplit=1)
    form = re.compile(f"{re.escape(before)}([0-9]+){re.escape(after)}")
    found = [(int(match[1]), one) for one in pattern.parent.glob("*") if (match := form.fullmatch(one.name))]
    return [one for _, one in sorted(found)]
