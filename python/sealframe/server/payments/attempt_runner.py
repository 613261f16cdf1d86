"""Where the steps of an attempt run: `AttemptPipeline` says in which order, a runner says on which threads."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from sealframe.trace import StageCallback

T = TypeVar("T")


class Upload(Protocol):
    """An envelope on its way in."""

    async def first(self, length: int) -> bytes:
        """Its first bytes, so many or all, as soon as they are there."""

    async def whole(self) -> bytes:
        """All of it."""


class AttemptRunner(Protocol):
    """Runs the steps of one attempt."""

    def place(self) -> AbstractContextManager[StageCallback]:
        """A place among those that are answered at once, and what is told the name of each stage that ended."""

    async def on_networks(self, work: Callable[[], T]) -> T:
        """Run what computes or reads."""

    async def on_passwords(self, work: Callable[[], T]) -> T:
        """Run what hashes a password. Raises AttemptRefused when too many wait."""

    async def committed(self, result: Future[T]) -> T:
        """Wait until the database has written it."""


class WholeEnvelope:
    """An upload that has arrived.

    Parameters
    ----------
    envelope : bytes
        The whole of it.

    """

    def __init__(self, envelope: bytes) -> None:
        self._envelope = envelope

    async def first(self, length: int) -> bytes:
        """Its first bytes, so many or all."""
        return self._envelope[:length]

    async def whole(self) -> bytes:
        """All of it."""
        return self._envelope


class InlineRunner:
    """Runs every step in the thread that asks, and waits for nobody's place."""

    def place(self) -> AbstractContextManager[StageCallback]:
        """Always free."""
        return nullcontext(no_callback)

    async def on_networks(self, work: Callable[[], T]) -> T:
        """Run it here."""
        return work()

    async def on_passwords(self, work: Callable[[], T]) -> T:
        """Run it here."""
        return work()

    async def committed(self, result: Future[T]) -> T:
        """Block until the database has written it."""
        return result.result()


def run_inline(steps: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, such as one whose runner is inline; without an event loop."""
    try:
        steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    steps.close()
    raise RuntimeError("a step that runs inline waited for an event loop")
