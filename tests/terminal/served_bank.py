"""The bank of the server's tests behind HTTP: in a thread, or in a process that is killed as by a power cut."""

from __future__ import annotations

import multiprocessing
import time
import urllib.request
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import uvicorn

from sealframe.sandbox.serving import ThreadedServer
from sealframe.server.http.app import build_app
from tests.programs.crash import free_port
from tests.server.bank import Bank, reopen_bank


class ServedBank:
    """In a thread of this process, behind a front that is kept for the next bank."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.bank = Bank(folder)
        self.start()

    def start(self) -> None:
        self._front = _idle_fronts.pop() if _idle_fronts else Front()
        self._front.service = self.bank.service
        self.port = self._front.port

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        _idle_fronts.append(self._front)

    def close(self) -> None:
        self.stop()
        self.bank.close()


class Front:
    """The server's application, made once: it serves whatever bank's service it is given."""

    def __init__(self) -> None:
        self.service: Any = None
        self.serving = ThreadedServer(build_app(self))  # type: ignore[arg-type]
        self.port = self.serving.port

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service, name)

    def close(self) -> None:
        """Called by the application, too: the service is its bank's to close."""


_idle_fronts: list[Front] = []


def close_fronts() -> None:
    """Once no bank will come any more."""
    while _idle_fronts:
        _idle_fronts.pop().serving.stop()


class KillableBank(ServedBank):
    """In a process of its own, forked from one that has the server's modules loaded and nothing else."""

    process: BaseProcess | None = None

    def start(self) -> None:
        if not (self.folder / "server.key").exists():
            self.bank.save_keys()
            self.port = free_port()
        _forks.set_forkserver_preload([__name__, "sealframe.server.http.app"])
        self.process = _forks.Process(target=serve, args=(self.folder, self.port))
        self.process.start()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(OSError), urllib.request.urlopen(f"{self.address}/health", timeout=2):
                return
            assert self.process.is_alive(), "the server ended"
            time.sleep(0.05)
        raise TimeoutError("the server does not answer")

    def stop(self) -> None:
        """Kill it: nothing is finished."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


_forks = multiprocessing.get_context("forkserver")


def serve(folder: Path, port: int) -> None:
    """The bank of this folder, until killed."""
    uvicorn.run(build_app(reopen_bank(folder).service), port=port, log_config=None)
