"""The command line. Exit status: 0 done, 1 refused (one sentence on standard error), 2 wrong usage, 130 interrupted.

    registry       every command and action by name: its module and what it does
    parser         the parsers, each completed by its command's module when it is named
    <command>      one command: EXAMPLE, add_options(parser), run(options); a folder where a command has actions
    options        options that several commands share
    printing       results, notes, progress and refusals
    streams        files and standard streams in and out
    passwords      key files and the passwords that open them
    folder         whole folders through `seal` and `open`
    factor_plot    a factor as a picture
    drawings       the pictures of `samples`

Applications know nothing of it: a command translates its options into the parameters of an application's functions.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        The words after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit status.

    """
    from sealframe.cli.parser import build_parser
    from sealframe.cli.printing import refuse

    options = build_parser().parse_args(argv)
    from sealframe.cli.registry import run
    from sealframe.errors import SealframeError

    try:
        status = run(options)
        sys.stdout.flush()
    except SealframeError as error:
        return refuse(str(error))
    except BrokenPipeError:
        sys.stdout = None  # nobody reads on; the interpreter must not flush at exit
        return 1
    except OSError as error:
        return refuse(_sentence(error))
    except MemoryError:
        return refuse("There is not enough memory for this picture; close other programs or give a smaller picture.")
    except KeyboardInterrupt:
        refuse("Interrupted; no file was left incomplete.")
        return 130
    return status


def _sentence(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    return f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
