"""The tree of errors in its docstring is the tree of classes, and all of it is public."""

from __future__ import annotations

import inspect
import re

import sealframe as sf
from sealframe import errors

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}


def documented_parents() -> dict[str, str]:
    """Each class and the class above it, read from the columns of the tree."""
    above: dict[int, str] = {}
    parents = {}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"(    [│ ├└─]*)([A-Z]\w+)(?:$|  )", line):
            column = len(match[1])
            above = {place: name for place, name in above.items() if place < column}
            parents[match[2]] = above[max(above)] if above else "Exception"
            above[column] = match[2]
    return parents


def test_the_documented_tree_is_the_tree_of_classes() -> None:
    assert documented_parents() == {name: kind.__base__.__name__ for name, kind in CLASSES.items()}


def test_every_error_is_a_public_name() -> None:
    for name, kind in CLASSES.items():
        assert getattr(sf, name) is kind
        assert name in sf.__all__
