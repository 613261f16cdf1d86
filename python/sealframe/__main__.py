"""`python -m sealframe`: the command line, and where a C or C++ build finds the library inside this package.

cmake -DCMAKE_PREFIX_PATH="$(python -m sealframe --cmakedir)" ...
cc program.c -I"$(python -m sealframe --includedir)" -L"$(python -m sealframe --libdir)" -lsealframe
"""

from __future__ import annotations

import sys
from pathlib import Path

from sealframe import _core

_FOLDERS = {"--cmakedir": "lib/cmake/sealframe", "--includedir": "include", "--libdir": "lib"}


def main(arguments: list[str]) -> int:
    """Print a folder of the installed library, or run the command line."""
    if len(arguments) == 1 and arguments[0] in _FOLDERS:
        sys.stdout.write(f"{Path(_core.__file__).parent / _FOLDERS[arguments[0]]}\n")
        return 0
    from sealframe import cli

    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
