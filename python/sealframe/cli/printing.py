"""What the command line says: results on standard output; notes, progress and refusals on standard error."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator


def printable(text: str) -> str:
    """Names out of files and folders as a terminal may show them: whatever is no visible character is spelled."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def print_json(facts: Any) -> None:
    """Facts as indented JSON on standard output."""
    print(json.dumps(facts, indent=2))


def say(text: str, *, out: str = "") -> None:
    """A line for the person: on standard error when standard output carries the result itself."""
    print(text, file=sys.stderr if out == "-" else sys.stdout)


def note(text: str) -> None:
    """A line on how the work goes, on standard error."""
    print(text, file=sys.stderr, flush=True)


def show_progress(text: str) -> None:
    """One line on standard error that is written over, for people alone; "" wipes it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def refuse(sentence: str) -> int:
    """Say why nothing was done, and return the exit status of a refusal."""
    show_progress("")
    print(f"sealframe: {printable(sentence)}", file=sys.stderr)
    return 1


@contextmanager
def value_errors_refused() -> Iterator[None]:
    """Raise PolicyError with the sentence of a ValueError: what an application takes ill in its parameters."""
    try:
        yield
    except ValueError as error:
        raise PolicyError(str(error)) from None
