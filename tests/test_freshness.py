"""Freshness: each capture once, in its time, across threads and processes (A36-A41).

Covers A37, A38, A39, A40, A42.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sealframe.errors import CounterAnomaly, ReplayedCapture, StaleCapture, StoreUnavailable
from sealframe.freshness import Archive, Live, MemoryReplayStore, ReplayStore, SqliteReplayStore
from sealframe.keys import DeviceKey
from tests.sealing import NOW, context_of

DEVICE, OTHER_DEVICE = b"d" * 16, b"e" * 16
LAST = 2**64 - 1
MakeStore = Callable[[], ReplayStore]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ReplayStore:
    return MemoryReplayStore() if request.param == "memory" else SqliteReplayStore(tmp_path / "replay.db")


def message(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a36_an_exact_replay_is_refused(store: ReplayStore) -> None:
    store.accept(DEVICE, 1, message(1), NOW)
    with pytest.raises(ReplayedCapture, match="this envelope was accepted before"):
        store.accept(DEVICE, 1, message(1), NOW)


def test_a37_counters_must_grow(store: ReplayStore) -> None:
    store.accept(DEVICE, 5, message(1), NOW)
    for counter in (0, 4, 5):
        with pytest.raises(ReplayedCapture, match=rf"counter \({counter}\) is not above the last accepted one \(5\)"):
            store.accept(DEVICE, counter, message(2), NOW)
    store.accept(DEVICE, 6, message(2), NOW)


def test_a37_a_message_id_counts_once_even_under_a_new_counter(store: ReplayStore) -> None:
    store.accept(DEVICE, 1, message(1), NOW)
    with pytest.raises(ReplayedCapture):
        store.accept(DEVICE, 2, message(1), NOW)
    store.accept(DEVICE, 2, message(2), NOW)


def test_a37_the_largest_counters_compare_as_numbers(store: ReplayStore) -> None:
    for number, counter in enumerate((2**63 - 1, 2**63, LAST - 1, LAST)):
        store.accept(DEVICE, counter, message(number), NOW)
    with pytest.raises(ReplayedCapture):
        store.accept(DEVICE, LAST, message(9), NOW)


def test_devices_do_not_share_a_counter(store: ReplayStore) -> None:
    store.accept(DEVICE, 7, message(1), NOW)
    store.accept(OTHER_DEVICE, 0, message(2), NOW)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a37_a_counter_that_leaps_is_refused_where_a_gap_is_set(tmp_path: Path, kind: str) -> None:
    store = MemoryReplayStore(max_gap=10) if kind == "memory" else SqliteReplayStore(tmp_path / "r.db", max_gap=10)
    store.accept(DEVICE, 1000, message(1), NOW)
    store.accept(DEVICE, 1010, message(2), NOW)
    for counter in (1021, LAST):
        with pytest.raises(CounterAnomaly, match=f"jumped from 1010 to {counter}"):
            store.accept(DEVICE, counter, message(3), NOW)
    store.accept(DEVICE, 1020, message(3), NOW)


def test_forgetting_old_message_ids_lets_no_replay_in(tmp_path: Path) -> None:
    store = SqliteReplayStore(tmp_path / "replay.db")
    for number in range(5):
        store.accept(DEVICE, number, message(number), NOW + number)
    store.forget_before(NOW + 4)
    assert store._connection().execute("SELECT count(*) FROM captures").fetchone() == (1,)
    for number in range(5):
        with pytest.raises(ReplayedCapture):
            store.accept(DEVICE, number, message(number), NOW + number)


def test_a39_of_many_threads_one_is_accepted(store: ReplayStore) -> None:
    for round_ in range(20):
        assert sum(_race_threads(store, round_, 8)) == 1


def _race_threads(store: ReplayStore, round_: int, threads: int) -> list[bool]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda _: _accepts(store, round_), range(threads)))


def _accepts(store: ReplayStore, round_: int) -> bool:
    try:
        store.accept(DEVICE, round_, message(round_), NOW)
    except ReplayedCapture:
        return False
    return True


def _race(path: Path, rounds: int, threads: int, barrier: Any, out: Any) -> None:
    store = SqliteReplayStore(path)
    accepted = []
    for round_ in range(rounds):
        barrier.wait(60)
        accepted.append(sum(_race_threads(store, round_, threads)))
    out.put(accepted)


def test_a39_of_many_processes_one_is_accepted(tmp_path: Path) -> None:
    """A sample of the long run: SEALFRAME_RACE=8,10,1000 sets processes, threads and rounds."""
    processes, threads, rounds = map(int, os.environ.get("SEALFRAME_RACE", "4,3,20").split(","))
    spawn = multiprocessing.get_context("spawn")
    out, barrier = spawn.Queue(), spawn.Barrier(processes)
    workers = [
        spawn.Process(target=_race, args=(tmp_path / "replay.db", rounds, threads, barrier, out))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    accepted = [out.get(timeout=3600 if rounds > 100 else 60) for _ in workers]
    for worker in workers:
        worker.join()
    assert [sum(one) for one in zip(*accepted, strict=True)] == [1] * rounds


def test_a39_a_forked_child_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    store = SqliteReplayStore(tmp_path / "replay.db")
    store.accept(DEVICE, 1, message(1), NOW)
    child = os.fork()
    if child == 0:
        os._exit(int(_accepts(store, 1)) * 2 + int(_accepts(store, 2)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert not _accepts(store, 2)


def test_of_threads_that_make_the_file_none_loses_its_locks(tmp_path: Path) -> None:
    """Closing a file drops the locks that this process holds on it, also those of other threads."""
    for round_ in range(20):
        store = SqliteReplayStore(tmp_path / f"{round_}.db")
        assert sum(_race_threads(store, 1, 8)) == 1
        assert (tmp_path / f"{round_}.db").stat().st_mode & 0o777 == 0o600


def test_acceptance_outlives_the_store(tmp_path: Path) -> None:
    SqliteReplayStore(tmp_path / "replay.db").accept(DEVICE, 1, message(1), NOW)
    assert (tmp_path / "replay.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ReplayedCapture):
        SqliteReplayStore(tmp_path / "replay.db").accept(DEVICE, 1, message(1), NOW)


def _accept_and_die(path: Path) -> None:
    SqliteReplayStore(path).accept(DEVICE, 1, message(1), NOW)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a42_what_was_accepted_before_a_kill_stays_accepted(tmp_path: Path) -> None:
    victim = multiprocessing.get_context("spawn").Process(target=_accept_and_die, args=(tmp_path / "replay.db",))
    victim.start()
    victim.join()
    assert victim.exitcode == -signal.SIGKILL
    store = SqliteReplayStore(tmp_path / "replay.db")
    with pytest.raises(ReplayedCapture):
        store.accept(DEVICE, 1, message(1), NOW)
    store.accept(DEVICE, 2, message(2), NOW)


def test_a40_a_store_that_is_down_accepts_nothing(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"this is no database " * 100)
    for path in (tmp_path / "absent" / "replay.db", tmp_path, tmp_path / "junk.db"):
        with pytest.raises(StoreUnavailable, match="nothing was accepted"):
            SqliteReplayStore(path).accept(DEVICE, 1, message(1), NOW)


def test_a40_a_full_disk_accepts_nothing(tmp_path: Path) -> None:
    store = SqliteReplayStore(tmp_path / "replay.db")
    store.accept(DEVICE, 1, message(1), NOW)
    pages = store._connection().execute("PRAGMA page_count").fetchone()[0]
    store._connection().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="nothing was accepted"):
        for counter in range(2, 2000):
            store.accept(DEVICE, counter, message(counter), NOW)
    store._connection().execute("PRAGMA max_page_count = 100000")
    store.accept(DEVICE, 2000, message(2000), NOW)


def test_a40_a_locked_store_accepts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealframe.freshness._BUSY_SECONDS", 0.05)
    store = SqliteReplayStore(tmp_path / "replay.db")
    store.accept(DEVICE, 1, message(1), NOW)
    other = sqlite3.connect(tmp_path / "replay.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="nothing was accepted"):
        store.accept(DEVICE, 2, message(2), NOW)
    other.execute("ROLLBACK")
    other.close()
    store.accept(DEVICE, 2, message(2), NOW)


@pytest.mark.parametrize("late_ms", [-300_000, -299_999, 0, 299_999, 300_000])
def test_a38_inside_the_window_a_capture_is_fresh(late_ms: int) -> None:
    Live(MemoryReplayStore(), clock=lambda: NOW / 1000).check_timestamp(NOW - late_ms)


@pytest.mark.parametrize("timestamp", [NOW - 300_001, NOW + 300_001, 0, 253_402_300_799_000])
def test_a38_outside_the_window_a_capture_is_stale(timestamp: int) -> None:
    with pytest.raises(StaleCapture, match="check both clocks"):
        Live(MemoryReplayStore(), window_s=300, clock=lambda: NOW / 1000).check_timestamp(timestamp)


def test_live_checks_the_time_and_spends_the_capture() -> None:
    context = context_of(DeviceKey.generate("POS-0001"))
    live = Live(MemoryReplayStore(), clock=lambda: NOW / 1000)
    live.check(context)
    live.accept(DEVICE, context, message(1))
    live.check(context)
    with pytest.raises(ReplayedCapture):
        live.accept(DEVICE, context, message(1))


def test_archive_checks_and_spends_nothing() -> None:
    context = context_of(DeviceKey.generate("POS-0001"), timestamp=10**12)
    archive = Archive()
    for _ in range(2):
        archive.check(context)
        archive.accept(DEVICE, context, message(1))


def test_a_window_is_positive() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Live(MemoryReplayStore(), window_s=0)
