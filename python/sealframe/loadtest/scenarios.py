"""What a load test compares with what. Every scenario seals its own envelopes first: they are good for 300 seconds.

one_by_one   first verifications, the same bytes again, garbage; one client, so that nothing waits
together     many clients: throughput, and where the time goes when there is more to do than cores
twice        the same bytes to two servers at once: one answer, one charge
flood        faces alone, then beside guesses of passwords
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sealframe.loadtest.clients import Flood, Seen, send_all
from sealframe.loadtest.corpus import GARBAGE
from sealframe.payment_protocol import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealframe.loadtest.clients import Reply
    from sealframe.loadtest.corpus import Corpus
    from sealframe.loadtest.processes import Servers
    from sealframe.loadtest.site import Site

PERCENTILES = (50, 90, 99, 100)
_BLOCKS = 5
FLOOD_CLIENTS = 16
_FLOOD_PER_PAYMENT = 3


@dataclass
class Findings:
    """What the scenarios saw, by name, and what must hold of it."""

    seen: dict[str, Seen] = field(default_factory=dict)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    garbage: dict[str, float] = field(default_factory=dict)
    rows_of_garbage: int = 0
    paid: set[str] = field(default_factory=set)

    def to_dict(self, name: str) -> dict[str, Any]:
        """A scenario as JSON values; times in milliseconds."""
        seen = self.seen[name]
        count = max(1, len(seen.replies))
        facts: dict[str, Any] = {
            "requests": len(seen.replies),
            "per_second": seen.per_second,
            "milliseconds": {f"p{share}": 1000 * seen.percentile(share) for share in PERCENTILES},
            "curve_ms": [1000 * seen.percentile(share) for share in range(101)],
        }
        if name in self.stages:
            facts["stages_ms"] = {stage: 1000 * spent / count for stage, spent in self.stages[name].items()}
        if name in self.processor:
            facts["server_processor_ms"] = 1000 * self.processor[name] / count
        if name == "garbage":
            facts["kinds_ms"] = {kind: 1000 * seconds for kind, seconds in self.garbage.items()}
        return facts


class Scenarios:
    """Runs them on one site, one after the other."""

    def __init__(self, site: Site, corpus: Corpus, servers: Servers, progress: Callable[[str], None]) -> None:
        self._site, self._corpus, self._servers, self._progress = site, corpus, servers, progress
        self.findings = Findings()

    def one_by_one(self, count: int) -> None:
        """First, again and garbage take turns, so that all three meet the same machine."""
        (queue,) = self._corpus.payments("one by one", count, self._site.tills[:1])
        garbage = self._corpus.garbage(queue)
        first, again, refused = Seen(), Seen(), Seen()
        stages: dict[str, float] = {}
        size = -(-count // _BLOCKS)
        ports = self._servers.ports[:1]
        for start in range(0, count, size):
            self._progress(f"one by one: {start}/{count}")
            block = slice(start, start + size)
            before = self._servers.stage_seconds()
            _add(first, send_all([queue[block]], ports))
            _add_stages(stages, before, self._servers.stage_seconds())
            _add(again, send_all([queue[block]], ports))
            rows = self._site.rows()
            _add(refused, send_all([garbage[block]], ports))
            self.findings.rows_of_garbage += self._site.rows() - rows
        self._note("first", first, stages)
        self._note("again", again)
        self._note("garbage", refused)
        self.findings.garbage = {
            kind: Seen(refused.replies[number :: len(GARBAGE)]).percentile(50) for number, kind in enumerate(GARBAGE)
        }
        self._expect_paid("first", first.replies)
        if [reply.answer for reply in first.replies] != [reply.answer for reply in again.replies]:
            self.findings.faults.append("again: the same bytes got another answer")
        self._expect("garbage", refused.replies, {200, 400})
        self._corpus.discard()

    def together(self, count: int, clients: int) -> None:
        """Closed loop: every client sends its next payment when the last was answered."""
        queues = self._corpus.payments("together", count, self._site.tills[:clients])
        self._measure("together", lambda: send_all(queues, self._servers.ports, self._counted("together", count)))
        self._expect_paid("together", self.findings.seen["together"].replies)
        self._corpus.discard()

    def twice(self, count: int, clients: int) -> None:
        """Every envelope is delivered twice at the same time, to different servers where there are several."""
        queues = self._corpus.payments("twice", count, self._site.tills[:clients])
        shifted = self._servers.ports[1:] + self._servers.ports[:1]
        ports = [port for pair in zip(self._servers.ports, shifted, strict=True) for port in pair]
        doubled = [queue for queue in queues for _ in range(2)]
        seen = send_all(doubled, ports, self._counted("twice", 2 * count))
        self._note("twice", seen)
        self._expect_paid("twice", seen.replies)
        answers: dict[str, set[bytes]] = {}
        for reply in seen.replies:
            answers.setdefault(reply.sealed.payment_id, set()).add(reply.answer)
        if any(len(given) != 1 for given in answers.values()):
            self.findings.faults.append("twice: the same bytes got two answers")
        self._corpus.discard()

    def flood(self, count: int, clients: int) -> None:
        """Faces at an idle server, then the same number while passwords are guessed at it."""
        faces = self._site.tills[:clients]
        guessing = self._site.tills[clients : clients + FLOOD_CLIENTS]
        idle = self._corpus.payments("faces alone", count, faces)
        self._measure("alone", lambda: send_all(idle, self._servers.ports, self._counted("faces alone", count)))
        beside = self._corpus.payments("faces beside guesses", count, faces)
        guesses = self._corpus.wrong_passwords("guesses", _FLOOD_PER_PAYMENT * count, guessing)
        with Flood(guesses, self._servers.ports, self._was_busy) as flood:
            counted = self._counted("faces beside guesses", count)
            self._measure("flooded", lambda: send_all(beside, self._servers.ports, counted))
        self._note("guesses", flood.seen)
        for name in ("alone", "flooded"):
            self._expect_paid(name, self.findings.seen[name].replies)
        if flood.ran_dry:
            self.findings.faults.append("flood: the guesses ended before the payments; the ratio is not of a flood")
        self._expect("guesses", flood.seen.replies, {200, 503})
        self._corpus.discard()

    def books(self) -> None:
        """What was answered against what the ledger holds."""
        self.findings.faults += self._site.broken()
        posted = self._site.posted()
        if missing := self.findings.paid - posted:
            self.findings.faults.append(f"I5 {len(missing)} payments were answered paid and are not posted")

    def _measure(self, name: str, work: Callable[[], Seen]) -> None:
        before, processor = self._servers.stage_seconds(), self._servers.processor_seconds()
        seen = work()
        self.findings.processor[name] = self._servers.processor_seconds() - processor
        stages: dict[str, float] = {}
        _add_stages(stages, before, self._servers.stage_seconds())
        self._note(name, seen, stages)

    def _note(self, name: str, seen: Seen, stages: dict[str, float] | None = None) -> None:
        self.findings.seen[name] = seen
        if stages is not None:
            self.findings.stages[name] = stages

    def _counted(self, name: str, count: int) -> Callable[[int], None]:
        return lambda done: self._progress(f"{name}: {done}/{count}")

    def _was_busy(self, reply: Reply) -> bool:
        answer = reply.sealed.read(reply.answer, self._site.server)
        return answer is None or answer.code is Code.SERVER_BUSY

    def _expect_paid(self, name: str, replies: Iterable[Reply]) -> None:
        codes: Counter[str] = Counter()
        for reply in replies:
            answer = reply.sealed.read(reply.answer, self._site.server)
            code = f"HTTP {reply.status}" if answer is None else answer.code.value
            codes[code] += 1
            if code == Code.PAID:
                self.findings.paid.add(reply.sealed.payment_id)
        del codes[Code.PAID.value]
        if codes:
            self.findings.faults.append(f"{name}: not all were paid: {dict(codes)}")

    def _expect(self, name: str, replies: Iterable[Reply], statuses: set[int]) -> None:
        others = Counter(reply.status for reply in replies if reply.status not in statuses)
        if others:
            self.findings.faults.append(f"{name}: HTTP {dict(others)}")


def _add(total: Seen, more: Seen) -> None:
    total.replies += more.replies
    total.seconds += more.seconds


def _add_stages(total: dict[str, float], before: dict[str, float], after: dict[str, float]) -> None:
    for stage, seconds in after.items():
        total[stage] = total.get(stage, 0.0) + seconds - before.get(stage, 0.0)
