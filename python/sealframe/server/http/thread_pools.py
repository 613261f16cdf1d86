"""Threads of one server process."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PASSWORD_THREADS = 1
_PASSWORDS_WAITING = 8
_STEPS_BACK = 5
"""A third of the processor time of the others. Not less: the thread needs it while it holds the interpreter's lock."""
_LOWEST_PRIORITY = 19


class ConcurrencyLimit:
    """So many at once, counted by one thread.

    Parameters
    ----------
    free : int
        Places.
    refusal : callable
        Makes the exception that is raised when all are taken.

    """

    def __init__(self, free: int, refusal: Callable[[], Exception]) -> None:
        self._free = free
        self._refusal = refusal

    def __enter__(self) -> None:
        if not self._free:
            raise self._refusal()
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


class Pools:
    """Threads for networks and for passwords, apart, so that neither waits for the other.

    Passwords are hashed by one thread that gives way to the networks, and only a few may wait for it.

    Parameters
    ----------
    busy : callable
        Makes the exception that is raised when too many passwords wait.

    """

    def __init__(self, busy: Callable[[], Exception]) -> None:
        self.networks = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="networks")
        self.passwords = ThreadPoolExecutor(
            _PASSWORD_THREADS, thread_name_prefix="passwords", initializer=_give_way_to_others
        )
        self.password_places = ConcurrencyLimit(_PASSWORDS_WAITING, busy)

    def close(self) -> None:
        """Finish what was begun."""
        self.networks.shutdown()
        self.passwords.shutdown()


def _give_way_to_others() -> None:
    """Linux counts priority by thread, and threads that this one starts inherit it; elsewhere it is the process's."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(own + _STEPS_BACK, _LOWEST_PRIORITY))
