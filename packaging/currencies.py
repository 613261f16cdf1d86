"""Writes python/sealframe/currencies.py from ISO's own list of currencies: `python packaging/currencies.py`.

The list is the XML file of the maintenance agency of ISO 4217, as the package `iso4217` carries it. Update that
package, run this, and commit what it wrote. Needs `pip install '.[dev]'`.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from pathlib import Path

import iso4217

MODULE = Path(__file__).resolve().parent.parent / "python" / "sealframe" / "currencies.py"
HEAD = '''"""The currencies of ISO 4217 that amounts can be counted in, and how many decimals each has.

ISO's list as published on {published}. Written by packaging/currencies.py; do not edit.
"""

from __future__ import annotations

PUBLISHED = "{published}"
"""The date of the list, from its own head."""

_CODES = {{
'''
TAIL = '''}

EXPONENTS = {code: exponent for exponent, codes in _CODES.items() for code in codes.split()}
"""Code to exponent: an amount of 1250 in EUR, whose exponent is 2, is 12.50. Codes without an exponent are left out."""
'''
WIDTH = 100


def exponents() -> dict[str, int]:
    """Every code of the list whose exponent is a number. Gold, test codes and units of account have none."""
    rows = iso4217.raw_table.items()
    return {code: int(row["CcyMnrUnts"]) for code, row in rows if code and row["CcyMnrUnts"].isdecimal()}


def module_text() -> str:
    """The module, formatted as `ruff format` leaves it."""
    codes = defaultdict(list)
    for code, exponent in sorted(exponents().items()):
        codes[exponent].append(code)
    entries = "".join(_entry(exponent, " ".join(codes[exponent])) for exponent in sorted(codes))
    return HEAD.format(published=iso4217.__published__.isoformat()) + entries + TAIL


def _entry(exponent: int, codes: str) -> str:
    lines = textwrap.wrap(codes, WIDTH)
    if len(lines) == 1:
        return f'    {exponent}: "{codes}",\n'
    parts = [*(f"{line} " for line in lines[:-1]), lines[-1]]
    return f"    {exponent}: (\n" + "".join(f'        "{part}"\n' for part in parts) + "    ),\n"


if __name__ == "__main__":
    MODULE.write_text(module_text())
