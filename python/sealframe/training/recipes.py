"""Recipes as JSON: all that determines a run besides the pictures."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Recipe = TypeVar("Recipe")


def with_facts(recipe: Recipe, facts: Mapping[str, Any]) -> Recipe:
    """Copy a recipe with some fields changed.

    Parameters
    ----------
    recipe : dataclass
        A frozen one.
    facts : mapping of str to Any
        New values by field; a mapping changes fields one level deeper, as of `mix`.

    Returns
    -------
    dataclass
        Another of the same class.

    Raises
    ------
    ValueError
        For a field that the recipe does not have, or a value of another type.
    """
    known = {field.name: getattr(recipe, field.name) for field in fields(recipe)}  # type: ignore[arg-type]
    for name, value in facts.items():
        if name not in known:
            raise ValueError(f"The recipe has no field {name}; it has {', '.join(sorted(known))}.")
        known[name] = _as_typed(name, known[name], value)
    return type(recipe)(**known)


def read_recipe(start: Recipe, path: Path) -> Recipe:
    """Copy a recipe with fields from a file, such as the recipe.json of a run.

    Parameters
    ----------
    start : dataclass
        The recipe that is changed.
    path : Path
        A JSON object with fields of the recipe.

    Returns
    -------
    dataclass

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, is no such object, or names other fields.
    """
    try:
        facts = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as failure:
        raise ValueError(f"{path} is not valid JSON: {failure}.") from failure
    if not isinstance(facts, dict):
        raise ValueError(f"{path} must hold one JSON object with the fields of a recipe.")
    return with_facts(start, facts)


def _as_typed(name: str, default: Any, value: Any) -> Any:
    """`value` as the type of the field's default: JSON knows no tuples, and writes 1.0 as 1."""
    if is_dataclass(default) and isinstance(value, dict):
        return with_facts(default, value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"The recipe's field {name} must be like {default!r}, not {value!r}.")
    return value
