"""Buffers kept between envelopes, and buffers of callers: fresh memory of a frame's size costs much to get."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealframe.envelope.layout import Buffer

_KEPT_BUFFERS = 2
_KEPT_BYTES = 1 << 24
_SLACK = 8


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
        """One of those kept, if it is large enough; a new one has an eighth more, to serve sizes that vary a little."""
        with suppress(IndexError):
            buffer = self._free.pop()
            if len(buffer) >= size:
                return buffer
        return bytearray(size + size // _SLACK)


def writable_bytes(out: Buffer, source: Buffer) -> memoryview:
    """A caller's buffer as bytes to write to while `source` is read.

    Raises TypeError when it is read-only or has gaps, ValueError when the two share memory.
    """
    view = memoryview(out).cast("B")
    if view.readonly:
        raise TypeError("the buffer is read-only; give a bytearray or a writable view")
    first, second = (np.frombuffer(one, np.uint8) for one in (view, memoryview(source).cast("B")))
    if np.may_share_memory(first, second):
        raise ValueError("the buffer overlaps what is read; give one of its own")
    return view


def start_of(view: memoryview, size: int) -> memoryview:
    """The first `size` bytes; ValueError when there are fewer."""
    if len(view) < size:
        raise ValueError(f"the buffer is too small; it must hold {size} bytes")
    return view[:size]


@contextmanager
def zeroed_on_failure(view: memoryview | None) -> Iterator[None]:
    """Leaves nothing in a caller's buffer of what was decrypted but not found right."""
    try:
        yield
    except BaseException:
        if view is not None:
            np.frombuffer(view, np.uint8).fill(0)
        raise
