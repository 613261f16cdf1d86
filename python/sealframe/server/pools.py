"""Threads of one server process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

_PASSWORD_THREADS = 2


class Pools:
    """Threads for networks and for passwords, apart, so that neither waits for the other (A60)."""

    def __init__(self) -> None:
        self.networks = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="networks")
        self.passwords = ThreadPoolExecutor(_PASSWORD_THREADS, thread_name_prefix="passwords")

    def close(self) -> None:
        """Finish what was begun."""
        self.networks.shutdown()
        self.passwords.shutdown()
