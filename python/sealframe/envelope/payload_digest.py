"""SHA-256 of a payload, in line or on a worker thread beside what does not wait for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from sealframe.envelope.layout import Buffer

StartDigest: TypeAlias = Callable[[Buffer], Callable[[], bytes]]
"""Begins to hash; the returned function waits for the digest. The payload must not change until then."""

_WORTH_A_THREAD_BYTES = 1 << 16
"""Below, handing the payload over takes as long as hashing it."""


def digest_starter(workers: int) -> StartDigest:
    """Hashing in line for 0 workers, on a thread of its own for 1; ValueError otherwise."""
    if workers not in (0, 1):
        raise ValueError("workers is 0 or 1.")
    return _Worker().start if workers else in_line


def in_line(payload: Buffer) -> Callable[[], bytes]:
    """Hash now; see StartDigest."""
    return hashlib.sha256(payload).digest


class _Worker:
    """Owns one thread of this process, and after a fork one of the child."""

    def __init__(self) -> None:
        self._process = 0
        self._executor: ThreadPoolExecutor | None = None

    def start(self, payload: Buffer) -> Callable[[], bytes]:
        """See StartDigest."""
        if memoryview(payload).nbytes < _WORTH_A_THREAD_BYTES:
            return in_line(payload)
        if self._executor is None or self._process != os.getpid():
            self._executor, self._process = ThreadPoolExecutor(1, thread_name_prefix="sealframe"), os.getpid()
        return self._executor.submit(lambda: in_line(payload)()).result
