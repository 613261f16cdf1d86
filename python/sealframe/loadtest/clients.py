"""Clients that send sealed requests over HTTP, each the next one when the last was answered, and note how it went."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from sealframe.loadtest.processes import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.loadtest.corpus import Sealed

PATIENCE_S = 60.0
_TYPE = {"Content-Type": "application/vnd.sealframe.envelope"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one delivery. answer: empty when it was not signed."""

    sealed: Sealed
    status: int
    answer: bytes
    seconds: float


@dataclass
class Seen:
    """All replies of some clients, and how long it took until the last one."""

    replies: list[Reply] = field(default_factory=list)
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """Seconds within which this share (0..100) was answered."""
        return float(np.percentile([reply.seconds for reply in self.replies], share)) if self.replies else 0.0

    @property
    def per_second(self) -> float:
        """Replies a second."""
        return len(self.replies) / self.seconds if self.seconds else 0.0


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)

    def send(self, sealed: Sealed) -> Reply:
        """Deliver once and wait; reading the file is not counted. Raises OSError, http.client.HTTPException."""
        body = sealed.path.read_bytes()
        begun = time.perf_counter()
        self._connection.request("POST", "/v1/attempts", body, _TYPE)
        reply = self._connection.getresponse()
        answer = reply.read()
        seconds = time.perf_counter() - begun
        return Reply(sealed, reply.status, answer if reply.status == 200 else b"", seconds)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def send_all(
    queues: Sequence[Sequence[Sealed]], ports: Sequence[int], progress: Callable[[int], None] = lambda _: None
) -> Seen:
    """One client for each queue, all at once; those of several ports take turns."""
    seen, started = Seen(), time.perf_counter()

    def work(client: Client, queue: Sequence[Sealed]) -> None:
        for sealed in queue:
            seen.replies.append(client.send(sealed))
            progress(len(seen.replies))

    run_together([(Client(ports[number % len(ports)]), queue) for number, queue in enumerate(queues)], work)
    seen.seconds = time.perf_counter() - started
    return seen


class Flood:
    """Clients that send while the block runs, or until they have sent all they have.

    turned_away: which replies mean that the same bytes may be sent again, at once.
    """

    def __init__(
        self, queues: Sequence[Sequence[Sealed]], ports: Sequence[int], turned_away: Callable[[Reply], bool]
    ) -> None:
        self.seen = Seen()
        self._turned_away = turned_away
        self.ran_dry = False
        self._over = threading.Event()
        self._jobs = [(Client(ports[number % len(ports)]), queue) for number, queue in enumerate(queues)]
        self._threads = [threading.Thread(target=self._work, args=job) for job in self._jobs]

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.seen.seconds = time.perf_counter() - self._started
        for client, _queue in self._jobs:
            client.close()

    def _work(self, client: Client, queue: Sequence[Sealed]) -> None:
        for sealed in queue:
            while not self._over.is_set():
                reply = client.send(sealed)
                self.seen.replies.append(reply)
                if not self._turned_away(reply):
                    break
        self.ran_dry |= not self._over.is_set()


def run_together(
    jobs: Sequence[tuple[Client, Sequence[Sealed]]], work: Callable[[Client, Sequence[Sealed]], None]
) -> None:
    """Each job in a thread of its own. Raises what the first one raised."""
    errors: list[BaseException] = []

    def guarded(client: Client, queue: Sequence[Sealed]) -> None:
        try:
            work(client, queue)
        except BaseException as error:  # told to the thread that waits
            errors.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=guarded, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
