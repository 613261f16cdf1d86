"""Buffers kept between envelopes: fresh memory of a frame's size costs more than encrypting the frame."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT_BUFFERS = 2
_KEPT_BYTES = 1 << 24


class BufferPool:
    """Hands out one buffer per user at a time and keeps a few of moderate size.

    Needs no lock: a list's pop and append are single steps, so threads and forked children never share a buffer.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    @contextmanager
    def borrow(self, size: int) -> Iterator[memoryview]:
        """A writable view of `size` bytes with left-over content, valid inside the `with`."""
        buffer = self._take(size)
        view = memoryview(buffer)
        try:
            yield view[:size]
        finally:
            if len(buffer) <= _KEPT_BYTES and len(self._free) < _KEPT_BUFFERS:
                self._free.append(buffer)

    def _take(self, size: int) -> bytearray:
        try:
            buffer = self._free.pop()
        except IndexError:
            return bytearray(size)
        return buffer if len(buffer) >= size else bytearray(size)
