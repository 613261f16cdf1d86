"""Splice rules: how capture parameters become one line of ASCII, without ambiguity.

A rule is a magic number and a template. Reading from left to right, the end of every field must be certain:

- A field of fixed width ends after its width.
- Any other field ends at the first character outside its alphabet, so that character must stand in the template.

`SpliceRule` refuses a template without this property.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

from sealframe.errors import MalformedEnvelope, PolicyError
from sealframe.files import reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

MAX_TEMPLATE = 512
"""So the longest line of any rule stays below the 1,024 bytes that a reader takes."""
_DIGITS = "0123456789"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DEVICE_PLAIN = _DIGITS + _CAPITALS + _CAPITALS.lower() + "._:-"
_DECIMAL = r"(?:0|[1-9][0-9]{0,%d})"


class _Field(NamedTuple):
    pattern: str
    alphabet: str
    fixed_width: bool


_FIELDS = {
    "magic_num": _Field(r"[0-9A-Z]{1,16}", _DIGITS + _CAPITALS, fixed_width=False),
    "device_info": _Field(r"(?:[0-9A-Za-z._:-]|%[0-9A-F]{2}){1,96}", _DEVICE_PLAIN + "%", fixed_width=False),
    "sign_version": _Field(_DECIMAL % 2, _DIGITS, fixed_width=False),
    "timestamp": _Field(r"[1-9][0-9]{12}", _DIGITS, fixed_width=True),
    "counter": _Field(_DECIMAL % 19, _DIGITS, fixed_width=False),
    "random": _Field(r"[0-9a-f]{32}", "0123456789abcdef", fixed_width=True),
    "width": _Field(_DECIMAL % 9, _DIGITS, fixed_width=False),
    "height": _Field(_DECIMAL % 9, _DIGITS, fixed_width=False),
}
_MAGIC_NUM = re.compile(_FIELDS["magic_num"].pattern)
_DEFAULT_MAGIC = "SF1"
_DEFAULT_TEMPLATE = "{magic_num}|{device_info}|{sign_version}|{timestamp}|{counter}|{random}|{width}x{height}"
_MAX_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SpliceRule:
    """A magic number, and the template that splices captures with this number into one line.

    Parameters
    ----------
    magic_num : str
        Names the rule on the wire: 1 to 16 capital letters and digits. `SF1` is the default rule's.
    template : str
        Fields in braces between literals of printable ASCII, at most 512 characters. `{magic_num}` comes first. Each of
        `{device_info}`, `{sign_version}`, `{timestamp}`, `{counter}`, `{random}`, `{width}` and `{height}` follows
        once, in any order.

    Raises
    ------
    ValueError
        When two captures could give the same line, a field is missing, or the template is too long.

    Examples
    --------
    >>> import sealframe as sf
    >>> template = "{magic_num};{timestamp}{random}{device_info}/{sign_version}/{counter}/{width}x{height}"
    >>> rule = sf.SpliceRule("PAY1", template)
    >>> sf.SpliceRule("PAY2", "{magic_num};{device_info}{sign_version};{timestamp}{random}{counter};{width}x{height}")
    Traceback (most recent call last):
    ValueError: ...
    """

    magic_num: str
    template: str

    def __post_init__(self) -> None:
        if not _MAGIC_NUM.fullmatch(self.magic_num):
            raise ValueError("a magic number must be 1 to 16 capital letters and digits")
        if self.magic_num == _DEFAULT_MAGIC and self.template != _DEFAULT_TEMPLATE:
            raise ValueError(f"the magic number {_DEFAULT_MAGIC} is that of the default splice rule; choose another")
        if len(self.template) > MAX_TEMPLATE:
            raise ValueError(f"the template of a splice rule must have at most {MAX_TEMPLATE} characters")
        _require_injective(_split(self.template))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SpliceRule:
        """Read a rule from a TOML file with two keys.

        The whole file of an example::

            magic_num = "PAY1"
            template = "{magic_num};{timestamp}{random}{device_info}/{sign_version}/{counter}/{width}x{height}"

        Parameters
        ----------
        path : str or os.PathLike
            The file, UTF-8, at most 4 KiB.

        Returns
        -------
        SpliceRule

        Raises
        ------
        PolicyError
            When the file cannot be read, has another form, or holds a rule that is refused.
        """
        try:
            with Path(path).open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
        except OSError as error:
            raise PolicyError(f"The splice rule {path} cannot be read: {reason_of(error)}") from error
        try:
            return cls(**_two_texts(content))
        except ValueError as error:
            raise PolicyError(f"The splice rule {path} is not usable: {error}.") from None

    def splice(self, fields: dict[str, Any]) -> str:
        """Write the line for these fields.

        Parameters
        ----------
        fields : dict of str to object
            Value of every field but `magic_num`, already in canonical form.

        Returns
        -------
        str
            The line, ASCII.
        """
        return self.template.format_map(fields | {"magic_num": self.magic_num})

    def unsplice(self, text: str) -> dict[str, str]:
        """Read the fields of a line.

        Parameters
        ----------
        text : str
            The line, as `splice` writes it.

        Returns
        -------
        dict of str to str
            Text of every field but `magic_num`.

        Raises
        ------
        MalformedEnvelope
            When the whole line does not fit the template.
        """
        match = _template_pattern(self.template).fullmatch(text)
        if match is None:
            raise MalformedEnvelope(
                "The capture context does not follow the splice rule that it names; refuse the capture."
            )
        fields = match.groupdict()
        del fields["magic_num"]
        return fields


def rules_by_magic(rules: Iterable[SpliceRule] = ()) -> Mapping[str, SpliceRule]:
    """Return the default rule and these, by magic number, as a reader looks them up.

    Parameters
    ----------
    rules : iterable of SpliceRule
        Rules besides the default one.

    Returns
    -------
    mapping of str to SpliceRule
        By magic number.

    Raises
    ------
    ValueError
        When one magic number stands for two templates.

    Examples
    --------
    >>> from sealframe.capture_context import rules_by_magic
    >>> list(rules_by_magic())
    ['SF1']
    """
    found = {DEFAULT_RULE.magic_num: DEFAULT_RULE}
    for rule in rules:
        if found.setdefault(rule.magic_num, rule) != rule:
            raise ValueError(f"the magic number {rule.magic_num} is used by two splice rules; rename one")
    return found


def rule_named_in(text: str, rules: Mapping[str, SpliceRule]) -> SpliceRule:
    """Find the rule whose magic number begins a spliced line.

    Parameters
    ----------
    text : str
        The line.
    rules : mapping of str to SpliceRule
        The known rules by magic number.

    Returns
    -------
    SpliceRule

    Raises
    ------
    MalformedEnvelope
        When the magic number is not among `rules`.

    Examples
    --------
    >>> from sealframe.capture_context import DEFAULT_RULES
    >>> from sealframe.capture_context.splice_rule import rule_named_in
    >>> rule_named_in("SF1|POS-0001|1|", DEFAULT_RULES).magic_num
    'SF1'
    """
    magic = _MAGIC_NUM.match(text)
    rule = rules.get(magic.group()) if magic else None
    if rule is None:
        raise MalformedEnvelope(
            "The capture context names an unknown splice rule; give this rule to the opener (--splice-rule)."
        )
    return rule


def _two_texts(content: bytes) -> dict[str, str]:
    """Magic number and template; ValueError for any other content."""
    import tomllib

    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"the file has more than {_MAX_FILE_BYTES} bytes")
    try:
        fields = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the file is not valid TOML") from None
    if set(fields) != {"magic_num", "template"} or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("the file must hold the two strings magic_num and template, and nothing else")
    return fields


def _split(template: str) -> list[tuple[str, str]]:
    """The template as (literal, field after it) pairs; a last literal has the field ''."""
    parts = []
    for literal, field, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError(f"the field {field!r} must have no format in a splice rule")
        parts.append((literal, field or ""))
    return parts


def _require_injective(parts: list[tuple[str, str]]) -> None:
    names = [field for _, field in parts if field]
    if sorted(names) != sorted(_FIELDS):
        raise ValueError(f"a splice rule must name each of these fields exactly once: {', '.join(_FIELDS)}")
    if parts[0] != ("", "magic_num"):
        raise ValueError("a splice rule must start with {magic_num}, by which the reader finds the rule")
    if not all(" " <= character <= "~" and character not in "{}" for text, _ in parts for character in text):
        raise ValueError("the literals of a splice rule must be printable ASCII without braces")
    for (_, name), (literal, following) in zip(parts, [*parts[1:], ("", "")], strict=True):
        if name and not _ends_certainly(_FIELDS[name], literal, following):
            raise ValueError(
                f"two captures could give the same line; after {{{name}}} put a separator outside its alphabet"
            )


def _ends_certainly(field: _Field, literal: str, following: str) -> bool:
    if field.fixed_width:
        return True
    return literal[0] not in field.alphabet if literal else not following


@cache
def _template_pattern(template: str) -> re.Pattern[str]:
    return re.compile(
        "".join(
            re.escape(literal) + (f"(?P<{field}>{_FIELDS[field].pattern})" if field else "")
            for literal, field in _split(template)
        )
    )


DEFAULT_RULE = SpliceRule(_DEFAULT_MAGIC, _DEFAULT_TEMPLATE)
DEFAULT_RULES = rules_by_magic()
"""What a reader knows that was given no other rule."""
