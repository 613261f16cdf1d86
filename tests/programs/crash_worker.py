"""The nursery of the crash test: imports everything once, then forks a server for every line on standard input."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import onnxruntime  # noqa: F401  (imported before the forks, used after them)
import uvicorn
from sqlalchemy import event

from sealframe.server.http.app import build_app
from tests.programs.crash import LIMITS
from tests.programs.crash_mutants import MUTANTS
from tests.server.bank import TestBank

MAX_DELAY_S = 0.004


def serve(settings: dict[str, Any]) -> None:
    """The real server, perhaps with a fault, that dies around a commit."""
    folder = Path(settings["folder"])
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if settings["mutant"]:
        MUTANTS[settings["mutant"]]()
    service = TestBank.reopen(folder, settings["url"], clock=time.time, limits=LIMITS).service
    if settings["commits"]:
        die_around_commit(service.database.engine, settings["commits"], random.Random(settings["seed"]))
    uvicorn.run(build_app(service), host="127.0.0.1", port=settings["port"], log_level="warning")


def die_around_commit(engine: Any, commits: int, dice: random.Random) -> None:
    """SIGKILL at the given commit: right before it, or up to a few milliseconds later: during it, after it, while
    the answers go out."""
    seen = 0

    @event.listens_for(engine, "commit")
    def count(_connection: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == commits:
            delay = 0.0 if dice.random() < 0.3 else dice.uniform(0, MAX_DELAY_S)
            if delay == 0.0:
                os.kill(os.getpid(), signal.SIGKILL)
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(json.loads(line))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
