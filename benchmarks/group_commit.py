"""What group commit gains: `python benchmarks/group_commit.py [--payments 800] [--clients 32] [--database URL]`.

Clients pay at once through the server's writer and settle path, each waiting for its answer: once with one commit for
each payment, once with up to 32 payments in a commit, in turns within one run. Sealing, opening and faces are left out;
accounts, counters, entries, audit rows and stored answers are the real ones. Prints ratios, one commit each being 1;
the first line says what a synchronised write costs on this disk, for the gain is mostly that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event

from sealframe.keys import DeviceKey
from sealframe.payment import Action, Code, PaymentRequest, new_payment_id
from sealframe.server import operators
from sealframe.server.database import Database
from sealframe.server.group_commit import MAX_BATCH, GroupCommit
from sealframe.server.records import record_of
from sealframe.server.settlement import Attempt, Limits, settle

TURNS = 3
PASSWORD_OF_NOBODY = "x"  # the password was judged before; its hash is not part of the settle path
PRICE = 1


@dataclass
class Turn:
    """One turn: seconds, processor seconds, seconds each client waited, commits."""

    wall: float = 0.0
    cpu: float = 0.0
    waits: list[float] = field(default_factory=list)
    commits: int = 0


class Till:
    """A device at which payments are made one after the other."""

    def __init__(self, database: Database, number: int) -> None:
        public = DeviceKey.generate(f"TILL-{number}").public
        self._device, self._counter = public.key_id.hex(), 0
        self._payer = f"payer{number}"
        now = _now()
        with database.transaction() as connection:
            operators.register_device(connection, "benchmark", now, public, record_of(public))
            operators.create_account(connection, "benchmark", now, account=self._payer, name="P", currency="EUR")
            operators.deposit(
                connection, "benchmark", now, payment_id=new_payment_id(), account=self._payer, amount=10**9
            )
            operators.set_password(connection, "benchmark", now, self._payer, "x")

    def pay(self, writer: GroupCommit) -> float:
        """Pay once; returns how long the answer took, in seconds."""
        self._counter += 1
        attempt = Attempt(
            envelope_id=os.urandom(32).hex(),
            device=self._device,
            counter=self._counter,
            message_id=os.urandom(16).hex(),
            request=PaymentRequest(
                Action.PASSWORD, new_payment_id(), "shop", PRICE, "EUR", self._payer, PASSWORD_OF_NOBODY
            ),
            finding=None,
            received_at=_now(),
            seal=bytes,
            password_hash="x",
        )
        begun = time.perf_counter()
        settled = writer.submit(lambda connection: settle(connection, attempt, Limits())).result()
        assert settled.code is Code.PAID
        return time.perf_counter() - begun


def _now() -> int:
    return int(time.time() * 1000)


def take_turn(database: Database, tills: list[Till], payments: int, max_batch: int) -> Turn:
    """All tills pay at once until the payments are made."""
    turn, writer = Turn(), GroupCommit(database, max_batch)

    def count(_connection: Any) -> None:
        turn.commits += 1

    def work(till: Till) -> None:
        for _ in range(payments // len(tills)):
            turn.waits.append(till.pay(writer))

    event.listen(database.engine, "commit", count)
    threads = [threading.Thread(target=work, args=(till,)) for till in tills]
    wall, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turn.wall, turn.cpu = time.perf_counter() - wall, time.process_time() - cpu
    event.remove(database.engine, "commit", count)
    writer.close()
    return turn


def synchronised_write_ms(folder: Path) -> float:
    """Median of 4 KiB written and synchronised."""
    times = []
    with (folder / "probe").open("wb", buffering=0) as probe:
        for _ in range(30):
            begun = time.perf_counter()
            probe.write(bytes(4096))
            os.fsync(probe.fileno())
            times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=800, help="in each of six turns (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=MAX_BATCH, help="who pay at once (default: %(default)s)")
    parser.add_argument("--database", metavar="URL", help="an empty one (default: SQLite in a folder of its own)")
    parser.add_argument("--folder", help="the disk to measure on (default: that of temporary files)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        print(f"a synchronised write of 4 KiB: {synchronised_write_ms(Path(folder)):.2f} ms")
        database = Database(arguments.database or f"sqlite:///{folder}/ledger.db")
        database.migrate()
        with database.transaction() as connection:
            operators.create_account(connection, "benchmark", _now(), account="shop", name="Shop", currency="EUR")
        tills = [Till(database, number) for number in range(arguments.clients)]
        turns: dict[int, list[Turn]] = {1: [], MAX_BATCH: []}
        for _ in range(TURNS):
            for max_batch, taken in turns.items():
                taken.append(take_turn(database, tills, arguments.payments, max_batch))
        database.close()
    print_ratios(turns[1], turns[MAX_BATCH])


def print_ratios(alone: list[Turn], grouped: list[Turn]) -> None:
    """Medians over the turns."""

    def ratio(measure: Any) -> float:
        return float(statistics.median(map(measure, grouped)) / statistics.median(map(measure, alone)))

    def percentile(share: float) -> Any:
        return lambda turn: sorted(turn.waits)[int(share * (len(turn.waits) - 1))]

    a_commit = statistics.median(len(turn.waits) / turn.commits for turn in grouped)
    print(f"payments in a commit          {a_commit:.1f}")
    print(f"payments in the same time     {1 / ratio(lambda turn: turn.wall / len(turn.waits)):.2f}")
    print(f"processor time for a payment  {ratio(lambda turn: turn.cpu / len(turn.waits)):.2f}")
    print(f"waiting, median               {ratio(percentile(0.5)):.2f}")
    print(f"waiting, 99 of 100            {ratio(percentile(0.99)):.2f}")


if __name__ == "__main__":
    main()
