"""The command line. Exit status: 0 done, 1 refused (one sentence on standard error), 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. `argv` defaults to the process's arguments."""
    from sealframe.cli.arguments import build_parser
    from sealframe.errors import SealframeError

    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except SealframeError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        sys.stdout = None  # nobody reads on; the interpreter must not flush at exit
        return 1
    except OSError as error:
        return _refuse(_sentence(error))
    except MemoryError:
        return _refuse("There is not enough memory for this picture; close other programs or give a smaller one.")
    except KeyboardInterrupt:
        _refuse("Interrupted; nothing was left half-written.")
        return 130
    return status


def printable(text: str) -> str:
    """Names out of files and folders as a terminal may show them: whatever is no visible character is spelled."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _refuse(sentence: str) -> int:
    print(f"sealframe: {printable(sentence)}", file=sys.stderr)
    return 1


def _sentence(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
