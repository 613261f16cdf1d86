"""`python -m sealframe`: the command line.

It also tells a C or C++ build where the library inside this package is:

cmake -DCMAKE_PREFIX_PATH="$(python -m sealframe --cmakedir)" ...
cc program.c -I"$(python -m sealframe --includedir)" -L"$(python -m sealframe --libdir)" -lsealframe
"""

import sys

from sealframe.cli import main

if __name__ == "__main__":
    sys.exit(main())
