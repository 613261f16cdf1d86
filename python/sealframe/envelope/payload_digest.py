"""SHA-256 of a payload, in line or on a worker thread beside what does not wait for it."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.files import Buffer

T = TypeVar("T")

_WORTH_A_THREAD_BYTES = 1 << 16
"""Below, handing the payload over takes as long as hashing it."""


class PayloadHasher(Protocol):
    """Hashes payloads, beside other work or before it."""

    def start(self, payload: Buffer) -> Callable[[], bytes]:
        """Begin to hash; the returned function waits for the digest. The payload must not change until then."""

    def check_beside(self, payload: Buffer, require: Callable[[bytes], None], checks: Callable[[], T]) -> T:
        """What `checks` returns or raises, unless `require` raises for the payload's digest: that error comes first."""


class InLineHasher:
    """Hashes in the caller's thread, before the other checks."""

    def start(self, payload: Buffer) -> Callable[[], bytes]:
        """See PayloadHasher."""
        return hashlib.sha256(payload).digest

    def check_beside(self, payload: Buffer, require: Callable[[bytes], None], checks: Callable[[], T]) -> T:
        """See PayloadHasher."""
        require(hashlib.sha256(payload).digest())
        return checks()


class WorkerHasher:
    """Hashes on one thread of its own, and after a fork on one of the child."""

    def __init__(self) -> None:
        self._process = 0
        self._executor: ThreadPoolExecutor | None = None

    def start(self, payload: Buffer) -> Callable[[], bytes]:
        """See PayloadHasher."""
        if memoryview(payload).nbytes < _WORTH_A_THREAD_BYTES:
            return hashlib.sha256(payload).digest
        if self._executor is None or self._process != os.getpid():
            self._executor, self._process = ThreadPoolExecutor(1, thread_name_prefix="sealframe"), os.getpid()
        return self._executor.submit(lambda: hashlib.sha256(payload).digest()).result

    def check_beside(self, payload: Buffer, require: Callable[[bytes], None], checks: Callable[[], T]) -> T:
        """See PayloadHasher."""
        digest = self.start(payload)
        try:
            found = checks()
        except Exception:
            require(digest())
            raise
        require(digest())
        return found


IN_LINE = InLineHasher()


def payload_hasher(workers: int) -> PayloadHasher:
    """In line for 0 workers, on a thread of its own for 1; ValueError otherwise."""
    if workers not in (0, 1):
        raise ValueError("workers must be 0 or 1")
    return WorkerHasher() if workers else IN_LINE
