"""Splice rules: how capture parameters become one line of ASCII, without ambiguity (M18).

A rule is a magic number and a template. Reading from left to right, the end of every field must be certain:
a field of fixed width ends after its width, any other field ends at the first character outside its alphabet,
so that character must stand in the template. A rule without this property is refused when it is made (A35).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any, NamedTuple

from sealframe.errors import MalformedEnvelope

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


@dataclass(frozen=True, slots=True)
class SpliceRule:
    """A magic number and the template that captures carrying it are spliced by.

    The magic number is 1..16 capital letters and digits; it names the rule on the wire. The template holds
    `{magic_num}` first, then each other field once, between literals of printable ASCII.

    Raises ValueError when the rule is not provably injective, leaves a field out, or has more than 512 characters.
    """

    magic_num: str
    template: str

    def __post_init__(self) -> None:
        if not _MAGIC_NUM.fullmatch(self.magic_num):
            raise ValueError("a magic number is 1 to 16 capital letters and digits")
        if len(self.template) > MAX_TEMPLATE:
            raise ValueError(f"the template of a splice rule has at most {MAX_TEMPLATE} characters")
        _require_injective(_split(self.template))

    def splice(self, fields: dict[str, Any]) -> str:
        """The line for these fields, whose texts must be canonical already."""
        return self.template.format_map(fields | {"magic_num": self.magic_num})

    def unsplice(self, text: str) -> dict[str, str]:
        """The field texts of a line, without the magic number.

        Raises MalformedEnvelope unless the whole line fits the template.
        """
        match = _template_pattern(self.template).fullmatch(text)
        if match is None:
            raise MalformedEnvelope("The capture context does not follow the splice rule that it names.")
        fields = match.groupdict()
        del fields["magic_num"]
        return fields


def register_splice_rule(rule: SpliceRule) -> None:
    """Let captures be spliced by `rule`, beside all rules registered before, for the life of this process.

    Raises ValueError when the magic number already stands for another template: its meaning never changes.
    """
    with _registering:
        known = _registered.setdefault(rule.magic_num, rule)
    if known != rule:
        raise ValueError(f"the magic number {rule.magic_num} already stands for another splice rule")


def splice_rule(magic_num: str) -> SpliceRule:
    """The rule registered under a magic number; ValueError when there is none."""
    rule = _registered.get(magic_num)
    if rule is None:
        raise ValueError(f"no splice rule is registered under the magic number {magic_num!r}")
    return rule


def splice_rule_of(text: str) -> SpliceRule:
    """The rule that a spliced line names at its start; MalformedEnvelope when it names none that is known."""
    magic = _MAGIC_NUM.match(text)
    rule = _registered.get(magic.group()) if magic else None
    if rule is None:
        raise MalformedEnvelope(
            "The capture context names no splice rule that is registered here; register the rule of its "
            "application before opening."
        )
    return rule


def _split(template: str) -> list[tuple[str, str]]:
    """The template as (literal, field after it) pairs; a last literal has the field ''."""
    parts = []
    for literal, field, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError(f"the field {field!r} takes no format in a splice rule")
        parts.append((literal, field or ""))
    return parts


def _require_injective(parts: list[tuple[str, str]]) -> None:
    names = [field for _, field in parts if field]
    if sorted(names) != sorted(_FIELDS):
        raise ValueError(f"a splice rule names each of these fields exactly once: {', '.join(_FIELDS)}")
    if parts[0] != ("", "magic_num"):
        raise ValueError("a splice rule starts with {magic_num}, by which the reader finds the rule")
    if not all(" " <= character <= "~" and character not in "{}" for text, _ in parts for character in text):
        raise ValueError("the literals of a splice rule are printable ASCII without braces")
    for (_, name), (literal, following) in zip(parts, [*parts[1:], ("", "")], strict=True):
        if name and not _ends_certainly(_FIELDS[name], literal, following):
            raise ValueError(
                f"after {{{name}}} the splice rule needs a separator outside the field's alphabet; "
                "without it two different captures could give the same bytes"
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


DEFAULT_RULE = SpliceRule(
    "SF1", "{magic_num}|{device_info}|{sign_version}|{timestamp}|{counter}|{random}|{width}x{height}"
)

_registered = {DEFAULT_RULE.magic_num: DEFAULT_RULE}
_registering = threading.Lock()
