"""What a system lacks is met in one place: without file locks, without flags and calls of another system (A50).

Each script runs in a process of its own, where the names are gone before sealframe is imported.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sealframe import files
from sealframe.errors import StoreUnavailable

WITHOUT = """
import os, sys
for name in {names!r}:
    delattr(os, name)
if {locks!r} == "none":
    sys.modules["fcntl"] = None
import numpy as np
import sealframe as sf
folder = {folder!r}
frame = np.zeros((40, 50, 3), np.uint8)
device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
"""
SEAL_AND_OPEN = """
device.save(folder + "/pos.key")
server.save(folder + "/server.key", b"correct horse")
device, server = sf.DeviceKey.load(folder + "/pos.key"), sf.ServerKey.load(folder + "/server.key", b"correct horse")
sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
freshness = sf.Live(sf.SqliteReplayStore(folder + "/replay.db"))
opener = sf.Opener(server, devices=[device.public], freshness=freshness)
stream = sf.SealSession(sealer, frame)
frames = sf.OpenSession(opener, stream.opening)
print(opener.open(sealer.seal(frame, b"data")).data, frames.open(stream.seal(frame)).sequence)
"""
COUNT = """
counter = sf.CounterFile(folder + "/pos.counter")
counter.advance_past(41)
print(counter.next())
"""
LACKING_ON_MACOS = ("fdatasync", "posix_fallocate", "posix_fadvise", "O_TMPFILE", "mknod", "memfd_create")
LACKING_ON_WINDOWS = ("O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "register_at_fork", "fork", "getuid", "pread")


def run_without(script: str, folder: Path, names: tuple[str, ...], *, locks: bool = True) -> str:
    there = [name for name in names if hasattr(os, name)]
    start = WITHOUT.format(names=there, locks="some" if locks else "none", folder=str(folder))
    done = subprocess.run([sys.executable, "-c", start + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_file_locks_everything_but_a_counter_file_works(tmp_path: Path) -> None:
    assert run_without(SEAL_AND_OPEN, tmp_path, LACKING_ON_WINDOWS, locks=False) == "b'data' 0"
    refused = run_without(
        "try:\n    sf.CounterFile(folder + '/pos.counter')\nexcept sf.StoreUnavailable as error:\n    print(error)",
        tmp_path,
        LACKING_ON_WINDOWS,
        locks=False,
    )
    assert refused == "A counter file needs file locks (fcntl), which this system lacks; use Linux or macOS."
    assert not (tmp_path / "pos.counter").exists()


@pytest.mark.parametrize("missing", LACKING_ON_MACOS)
def test_nothing_calls_what_macos_lacks(tmp_path: Path, missing: str) -> None:
    assert run_without(SEAL_AND_OPEN + COUNT, tmp_path, (missing,)) == "b'data' 0\n42"


def test_the_journal_of_a_terminal_needs_no_fdatasync(tmp_path: Path) -> None:
    script = "from sealframe.terminal.journal import Journal\nwith Journal(folder + '/j') as j:\n    j.sync_sent()"
    assert run_without(script, tmp_path, LACKING_ON_MACOS) == ""


class NoLocks:
    """The `fcntl` of a macOS whose file system may not know F_FULLFSYNC."""

    F_FULLFSYNC = 51

    def __init__(self, error: OSError | None) -> None:
        self.error = error
        self.asked: list[int] = []

    def fcntl(self, _: int, request: int) -> None:
        self.asked.append(request)
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [None, OSError(45, "Operation not supported")])
def test_on_macos_a_file_is_synced_past_the_drives_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    synced: list[int] = []
    system = NoLocks(error)
    monkeypatch.setattr(files, "_locks", system)
    monkeypatch.setattr(os, "fsync", synced.append)
    files.sync_file(7)
    monkeypatch.delattr(os, "fdatasync", raising=False)
    files.sync_data(7)
    assert system.asked == [51, 51]
    assert synced == ([7, 7] if error else [])


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as first, (tmp_path / "lock").open() as second:
        files.lock_file(first.fileno())
        with pytest.raises(BlockingIOError):
            files.lock_file(second.fileno(), wait=False)
    with pytest.MonkeyPatch.context() as system, (tmp_path / "lock").open() as third:
        system.setattr(files, "_locks", None)
        with pytest.raises(StoreUnavailable, match="needs file locks"):
            files.lock_file(third.fileno())


def test_only_one_module_knows_what_a_system_lacks() -> None:
    not_everywhere = {name for name in (*LACKING_ON_MACOS, *LACKING_ON_WINDOWS) if name not in {"fork", "pread"}}
    pattern = re.compile(rf"import fcntl|\bos\.(?:{'|'.join(sorted(not_everywhere))})\b")
    package = Path(files.__file__).parent
    using = {str(path.relative_to(package)) for path in package.rglob("*.py") if pattern.search(path.read_text())}
    assert using == {"files.py"}
