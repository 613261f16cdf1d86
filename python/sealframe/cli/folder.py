"""Whole folders through `seal` and `open`: several processes, progress, and going on where a run was stopped.

Every file is written whole or not at all, so what is there is done: a second run does the rest.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Lock, Thread
from typing import TYPE_CHECKING

from sealframe.cli import printable
from sealframe.errors import PolicyError, SealframeError
from sealframe.files import reason_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import TypeAlias

    Step: TypeAlias = Callable[[Path, Path], None]

_step: Step | None = None
"""In a worker process: what to do with one file, set up once."""
_at_work = Lock()
"""Held while it does it."""


def run_over(
    pairs: Iterable[tuple[Path, Path]],
    prepare: Callable[[argparse.Namespace], Step],
    arguments: argparse.Namespace,
    *,
    done: str,
) -> int:
    """Do a step for each (source, target) whose target is not there yet, or with --force for each, and sum up.

    `prepare` makes the step from the arguments, once in each process. A file that is refused does not stop the others.
    Returns the exit status: 1 when a file was refused. Raises PolicyError for standard output.
    """
    if arguments.out == "-":
        raise PolicyError("A folder's results do not go to standard output; name a folder.")
    prepare(arguments)  # what is wrong with keys is said here, once
    everything = list(pairs)
    todo = [(source, target) for source, target in everything if arguments.force or not target.exists()]
    for folder in {target.parent for _, target in todo}:
        folder.mkdir(parents=True, exist_ok=True)
    refused = 0
    sendable = type(arguments)(**{name: value for name, value in vars(arguments).items() if not callable(value)})
    workers = ProcessPoolExecutor(arguments.jobs, get_context("spawn"), _prepare, (prepare, sendable))
    with workers as pool:
        try:
            running = [pool.submit(_one, source, target) for source, target in todo]
            for count, future in enumerate(as_completed(running), 1):
                problem = future.result()
                _progress(f"{count}/{len(todo)}")
                if problem:
                    refused += 1
                    _progress("")
                    print(f"sealframe: {printable(problem)}", file=sys.stderr)
        except BrokenProcessPool:
            raise SealframeError(
                "A process was killed, most likely for want of memory; say the same again, with fewer --jobs: "
                "what is done is not done again."
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _progress("")
    print(f"{done} {len(todo) - refused}, there already {len(everything) - len(todo)}, refused {refused}.")
    return 1 if refused else 0


def _prepare(prepare: Callable[[argparse.Namespace], Step], arguments: argparse.Namespace) -> None:
    global _step
    Thread(target=_end_with_parent, daemon=True).start()
    _step = prepare(arguments)


def _end_with_parent() -> None:
    """A worker whose command was killed would wait for work for ever, with the private key in its memory."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        with _at_work:  # the file that is being written is finished first, and no other begun
            os._exit(1)


def _one(source: Path, target: Path) -> str:
    """Do the step; the sentence of a refusal, or nothing."""
    if _step is None:
        raise RuntimeError("the worker was not prepared")
    try:
        with _at_work:
            _step(source, target)
    except SealframeError as error:
        return f"{source}: {error}"
    except OSError as error:
        return f"{source}: {reason_of(error)}"
    except MemoryError:
        return f"{source}: There is not enough memory for this picture; say the same again with fewer --jobs."
    return ""


def _progress(text: str) -> None:
    """One line that is written over, for people alone."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def files_in(folder: Path, endings: set[str], target_of: Callable[[Path], Path]) -> list[tuple[Path, Path]]:
    """(source, target) of all files below `folder` with one of these endings, by name."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    return [(path, target_of(path.relative_to(folder))) for path in sorted(found)]
