"""The settle path alone: what group commit gains over one commit for each payment.

Clients pay at once through a server's writer, each waiting for its answer, in turns with one payment a commit and
with up to 32. Sealing, opening and faces are left out; accounts, counters, entries, audit rows and stored answers are
the real ones.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import event

from sealframe.loadtest.site import CURRENCY, SHOP
from sealframe.payment_protocol import Action, Code, PaymentRequest, new_payment_id
from sealframe.server.payments.attempt import Attempt
from sealframe.server.payments.limits import Limits
from sealframe.server.payments.settlement import settle
from sealframe.server.storage.database import Database
from sealframe.server.storage.group_commit import MAX_BATCH, GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealframe.loadtest.site import Site, Till

TURNS = 3


@dataclass
class Turn:
    """One turn: seconds, processor seconds, seconds each client waited, commits."""

    wall: float = 0.0
    processor: float = 0.0
    waits: list[float] = field(default_factory=list)
    commits: int = 0

    def percentile(self, share: float) -> float:
        """Seconds within which this share (0..100) was answered."""
        return float(np.percentile(self.waits, share))


def compare_commits(site: Site, payments: int, clients: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Medians over three turns each, group commit's as ratios to one commit for each payment."""
    database = Database(site.url)
    turns: dict[int, list[Turn]] = {1: [], MAX_BATCH: []}
    counters = dict.fromkeys((till.account for till in site.tills), 1 << 32)
    for turn in range(TURNS):
        for max_batch, taken in turns.items():
            progress(f"commits: turn {turn + 1}/{TURNS}, up to {max_batch} payments in each")
            taken.append(_take_turn(database, site.tills[:clients], counters, payments, max_batch))
    database.close()
    alone, grouped = turns[1], turns[MAX_BATCH]

    def ratio(measure: Callable[[Turn], float]) -> float:
        return statistics.median(map(measure, grouped)) / statistics.median(map(measure, alone))

    return {
        "clients": clients,
        "payments_in_a_commit": statistics.median(len(turn.waits) / turn.commits for turn in grouped),
        "throughput": 1 / ratio(lambda turn: turn.wall / len(turn.waits)),
        "processor_time": ratio(lambda turn: turn.processor / len(turn.waits)),
        "p50": ratio(lambda turn: turn.percentile(50)),
        "p99": ratio(lambda turn: turn.percentile(99)),
        "alone_ms": 1000 * statistics.median(turn.wall / len(turn.waits) for turn in alone),
        "grouped_ms": 1000 * statistics.median(turn.wall / len(turn.waits) for turn in grouped),
    }


def synchronised_write_ms(folder: Path) -> float:
    """Median of 4 KiB written and synchronised: what a commit waits for on this disk."""
    times = []
    path = folder / "probe"
    with path.open("wb", buffering=0) as probe:
        for _ in range(30):
            begun = time.perf_counter()
            probe.write(bytes(4096))
            os.fsync(probe.fileno())
            times.append(time.perf_counter() - begun)
    path.unlink()
    return 1000 * statistics.median(times)


def _take_turn(database: Database, tills: Any, counters: dict[str, int], payments: int, max_batch: int) -> Turn:
    turn, writer = Turn(), GroupCommit(database, max_batch)

    def count(_connection: Any) -> None:
        turn.commits += 1

    def work(till: Till) -> None:
        for _ in range(payments // len(tills)):
            counters[till.account] += 1
            turn.waits.append(_pay(writer, till, counters[till.account]))

    event.listen(database.engine, "commit", count)
    threads = [threading.Thread(target=work, args=(till,)) for till in tills]
    wall, processor = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turn.wall, turn.processor = time.perf_counter() - wall, time.process_time() - processor
    event.remove(database.engine, "commit", count)
    writer.close()
    return turn


def _pay(writer: GroupCommit, till: Till, counter: int) -> float:
    attempt = Attempt(
        message_digest=os.urandom(32).hex(),
        device=till.device.public.key_id.hex(),
        counter=counter,
        message_id=os.urandom(16).hex(),
        request=PaymentRequest(Action.PAY, new_payment_id(), SHOP, 1, CURRENCY, till.account),
        finding=None,
        received_at=int(time.time() * 1000),
        seal=bytes,
        template_id=till.template_id,
    )
    begun = time.perf_counter()
    settled = writer.submit(lambda connection: settle(connection, attempt, Limits())).result()
    if settled.code is not Code.PAID:
        raise RuntimeError(f"a payment of the load test was not made: {settled.code}")
    return time.perf_counter() - begun
