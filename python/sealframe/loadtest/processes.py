"""Servers for a load test: `sealframe server run` as operators run it, on this machine's loopback address alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from types import TracebackType

    from sealframe.loadtest.site import Site

HOST = "127.0.0.1"
_START_SECONDS, _STOP_SECONDS = 60.0, 30.0
_STAGE = re.compile(r'^sealframe_stage_seconds_total\{stage="([^"]+)"\} (\S+)$', re.MULTILINE)


class Servers:
    """Some processes on one database, ready when the block begins, stopped when it ends."""

    def __init__(self, site: Site, workers: int, folder: Path) -> None:
        self._site, self._count, self._folder = site, workers, folder
        self._running: list[subprocess.Popen[Any]] = []
        self.ports: list[int] = []

    def __enter__(self) -> Self:
        """Raises PolicyError when one does not start."""
        try:
            self._running = [self._start(number) for number in range(self._count)]
            self.ports = [self._port(number) for number in range(self._count)]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stage_seconds(self) -> dict[str, float]:
        """What all of them spent in each stage since they started."""
        total: dict[str, float] = {}
        for port in self.ports:
            with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as page:
                for stage, seconds in _STAGE.findall(page.read().decode()):
                    total[stage] = total.get(stage, 0.0) + float(seconds)
        return total

    def processor_seconds(self) -> float:
        """Processor time of all of them since they started; 0 where the system does not tell."""
        return sum(_processor_seconds(process.pid) for process in self._running)

    def _start(self, number: int) -> subprocess.Popen[Any]:
        words = ["server", "run", "--home", str(self._site.home), "--database", self._site.url]
        command = [sys.executable, "-m", "sealframe", *words, "--host", HOST, "--port", "0", "--detector", "centre"]
        with self._said(number).open("wb") as said, (self._folder / f"server-{number}.log").open("wb") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=log)  # noqa: S603

    def _said(self, number: int) -> Path:
        return self._folder / f"server-{number}.out"

    def _port(self, number: int) -> int:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._running[number].poll() is None:
            found = re.search(rf"http://{re.escape(HOST)}:(\d+)", self._said(number).read_text())
            if found and _answers(int(found[1])):
                return int(found[1])
            time.sleep(0.05)
        raise PolicyError(
            f"A server did not start; its log ends: {(self._folder / f'server-{number}.log').read_text()[-500:]}"
        )


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
