"""Whole folders through `seal` and `open`: several processes, progress, and going on where a run was stopped.

Every file is written whole or not at all, so what is there is done: a second run does the rest.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from sealframe.cli.printing import refuse, show_progress
from sealframe.errors import PolicyError, SealframeError
from sealframe.files import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    Step: TypeAlias = Callable[[Path, Path], None]

_step: Step | None = None
"""In a worker process: what to do with one file, set up once."""
_at_work = Lock()
"""Held while it does it."""


def target_folder(out: str) -> Path:
    """Where a folder's results go. Raises PolicyError for standard output."""
    if out == "-":
        raise PolicyError("--out - cannot take the results of a folder; name a folder with --out.")
    return Path(out)


def files_in(folder: Path, endings: set[str], target_of: Callable[[Path], Path]) -> list[tuple[Path, Path]]:
    """(source, target) of all files below `folder` with one of these endings, by name."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    return [(path, target_of(path.relative_to(folder))) for path in sorted(found)]


def run_over(
    pairs: Iterable[tuple[Path, Path]], prepare: Callable[[], Step], *, jobs: int, force: bool, done: str
) -> int:
    """Do a step for each file whose result is not there yet, and sum up. A file that is refused stops no other.

    Parameters
    ----------
    pairs
        Source and target of every file.
    prepare
        Makes the step, once in each process; it is sent there after it was called here.
    jobs
        Number of processes.
    force
        Also do the files whose target is there.
    done
        What the last line says was done, as "Sealed".

    Returns
    -------
    int
        The exit status: 1 when a file was refused.

    Raises
    ------
    SealframeError
        When a process was killed.

    """
    prepare()  # what is wrong with keys is said here, once
    everything = list(pairs)
    todo = [(source, target) for source, target in everything if force or not target.exists()]
    for folder in {target.parent for _, target in todo}:
        folder.mkdir(parents=True, exist_ok=True)
    refused = 0
    for count, problem in enumerate(_problems(todo, prepare, jobs), 1):
        show_progress(f"{count}/{len(todo)}")
        if problem:
            refused += 1
            refuse(problem)
    show_progress("")
    print(f"{done} {len(todo) - refused}, there already {len(everything) - len(todo)}, refused {refused}.")
    return 1 if refused else 0


def _problems(todo: Sequence[tuple[Path, Path]], prepare: Callable[[], Step], jobs: int) -> Iterator[str]:
    """The outcome of every file as it ends: the sentence of a refusal, or nothing."""
    with ProcessPoolExecutor(jobs, get_context("spawn"), _prepare, (prepare,)) as pool:
        try:
            for future in as_completed([pool.submit(_one, source, target) for source, target in todo]):
                yield future.result()
        except BrokenProcessPool:
            raise SealframeError(
                "A worker process was killed, most likely because memory ran out. Run the command again with fewer "
                "--jobs; finished files are kept."
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _prepare(prepare: Callable[[], Step]) -> None:
    global _step
    Thread(target=_end_with_parent, daemon=True).start()
    _step = prepare()


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
        return f"{source}: There is not enough memory for this picture; run the command again with fewer --jobs."
    return ""
