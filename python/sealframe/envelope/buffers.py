"""Buffers kept between envelopes, and buffers of callers: fresh memory of a frame's size costs much to get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sealframe.files import Buffer

_KEPT_BUFFERS = 2
_KEPT_BYTES = 1 << 24
_SLACK = 8
_OWNERS = (bytes, bytearray)
"""Their memory is theirs alone."""


class BufferPool:
    """Hands out one buffer per user at a time and keeps a few of moderate size.

    Needs no lock: a list's pop and append are single steps, so threads and forked children never share a buffer.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def borrow(self, size: int) -> _Loan:
        """For a `with`: a writable view of `size` bytes with left-over content, valid inside."""
        return _Loan(self, self._take(size), size)

    def _take(self, size: int) -> bytearray:
        """One of those kept, if it is large enough; a new one has an eighth more, to serve sizes that vary a little."""
        try:
            buffer = self._free.pop()
        except IndexError:
            buffer = bytearray()
        return buffer if len(buffer) >= size else bytearray(size + size // _SLACK)

    def _give_back(self, buffer: bytearray) -> None:
        if len(buffer) <= _KEPT_BYTES and len(self._free) < _KEPT_BUFFERS:
            self._free.append(buffer)


# Here and below: classes with two methods, because `contextmanager` takes as long as a digest each time.
class _Loan:
    def __init__(self, pool: BufferPool, buffer: bytearray, size: int) -> None:
        self._pool, self._buffer, self._size = pool, buffer, size

    def __enter__(self) -> memoryview:
        return memoryview(self._buffer)[: self._size]

    def __exit__(self, *_: object) -> None:
        self._pool._give_back(self._buffer)


def writable_bytes(out: Buffer, source: Buffer) -> memoryview:
    """A caller's buffer as bytes to write to while `source` is read.

    Raises TypeError when it is read-only or has gaps, ValueError when the two share memory.
    """
    view = memoryview(out).cast("B")
    if view.readonly:
        raise TypeError("the buffer is read-only; pass a bytearray or a writable view")
    if _may_overlap(view, memoryview(source).cast("B")):
        raise ValueError("the buffer overlaps the input; pass a separate buffer")
    return view


def _may_overlap(first: memoryview, second: memoryview) -> bool:
    if first.obj is not second.obj and type(first.obj) in _OWNERS and type(second.obj) in _OWNERS:
        return False
    return np.may_share_memory(np.frombuffer(first, np.uint8), np.frombuffer(second, np.uint8))


def start_of(view: memoryview, size: int) -> memoryview:
    """The first `size` bytes; ValueError when there are fewer."""
    if len(view) < size:
        raise ValueError(f"the buffer is too small; pass a buffer of at least {size} bytes")
    return view[:size]


class ZeroedOnFailure:
    """Leaves nothing in a caller's buffer of what was decrypted but not found right."""

    def __init__(self, view: memoryview | None) -> None:
        self._view = view

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._view is not None:
            np.frombuffer(self._view, np.uint8).fill(0)
