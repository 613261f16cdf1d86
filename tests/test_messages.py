"""Every sentence that a person reads from the program is short, has a noun as its subject, and ends as a sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent.parent / "python" / "sealframe"
MOST_WORDS = 30
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
HELP_KEYWORDS = {"help", "description", "epilog"}
PRINTERS = {"note", "say", "refuse", "print", "TransportError"}
MESSAGE_MAKERS = {"_anomaly", "_unusable", "_refuse", "_require", "_require_kind", "Command", "PluginError"}
NO_NOUN = re.compile(r"(?:they|those|it)\b", re.IGNORECASE)
AMERICAN = re.compile(
    r"\b(?:colors?|authoriz(?!ation: Bearer)\w+|recogniz\w+|initializ\w+|canceled|canceling|centers?|behaviors?|"
    r"favorites?|enroll|enrolls|analyz\w+|catalogs?|normaliz\w+|synchroniz\w+|fulfill)\b",
    re.IGNORECASE,
)
ENDS = (".", "?", "!", ":", "…")
AN_ACTION_ENDS_IT = re.compile(r"(?:chmod [67]00 §|pip install '[^']+'|--help\n|: §|address §)$")
"""A command to type, a cause or an address may end a message without a full stop."""


class Message(NamedTuple):
    """One text, with § for whatever is filled in."""

    place: str
    kind: str
    text: str


def spelled(node: ast.AST) -> str | None:
    """The text of a string, an f-string or a sum of both."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(part) or "§" if isinstance(part, ast.Constant) else "§" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return "".join(spelled(side) or "§" for side in (node.left, node.right))
    return None


def texts_in(node: ast.AST) -> Iterator[str]:
    """The texts of an argument: of both branches of a choice too."""
    if (text := spelled(node)) is not None:
        yield text
    elif isinstance(node, ast.IfExp):
        yield from texts_in(node.body)
        yield from texts_in(node.orelse)


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def messages_in(source: str, place: str) -> Iterator[Message]:
    """What one module says to people."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for argument in node.exc.args:
                yield from (Message(f"{place}:{node.lineno}", "error", text) for text in texts_in(argument))
        elif isinstance(node, ast.Call):
            yield from _said_by(node, place)
        elif isinstance(node, ast.Return) and node.value is not None:
            yield from (Message(f"{place}:{node.lineno}", "line", text) for text in texts_in(node.value))
        elif isinstance(node, ast.Dict):
            yield from _sentences_of_codes(node, place)


def _said_by(call: ast.Call, place: str) -> Iterator[Message]:
    name, where = name_of(call), f"{place}:{call.lineno}"
    for keyword in call.keywords:
        if keyword.arg in HELP_KEYWORDS:
            yield from (Message(where, "help", text) for text in texts_in(keyword.value))
    if name in LOG_METHODS and "_log" in ast.unparse(call.func):
        yield from (Message(where, "log", text) for argument in call.args[:1] for text in texts_in(argument))
    elif name in PRINTERS | MESSAGE_MAKERS:
        yield from (Message(where, "line", text) for argument in call.args for text in texts_in(argument))


def _sentences_of_codes(table: ast.Dict, place: str) -> Iterator[Message]:
    """The sentences of a table whose keys are members of Code or AmountFault."""
    for key, value in zip(table.keys, table.values, strict=True):
        if key is not None and re.match(r"(?:Code|AmountFault)\.", ast.unparse(key)):
            parts = value.elts if isinstance(value, ast.Tuple) else [value]
            yield from (Message(f"{place}:{value.lineno}", "code", text) for part in parts for text in texts_in(part))


def translated_english() -> Iterator[Message]:
    catalogue = PACKAGE / "terminal/screen/translations/en/LC_MESSAGES/terminal.po"
    for number, line in enumerate(catalogue.read_text(encoding="utf-8").splitlines(), 1):
        if (text := re.fullmatch(r'msgstr "(.+)"', line)) is not None:
            yield Message(f"terminal.po:{number}", "screen", text[1])


def all_messages() -> list[Message]:
    modules = sorted(PACKAGE.rglob("*.py"))
    found = [each for path in modules for each in messages_in(path.read_text(), str(path.relative_to(PACKAGE)))]
    return [*found, *translated_english()]


def faults_of(message: Message) -> list[str]:
    """What is wrong with a message by the rules of writing."""
    faults = []
    sentences = re.split(r"(?<=[.?!])\s+", message.text)
    if any(len(sentence.split()) > MOST_WORDS for sentence in sentences):
        faults.append(f"more than {MOST_WORDS} words")
    if any(NO_NOUN.match(sentence.lstrip("§ ")) for sentence in sentences):
        faults.append("a sentence begins with a pronoun")
    if AMERICAN.search(message.text):
        faults.append("American spelling")
    if _is_sentence(message) and not message.text.endswith(ENDS) and not AN_ACTION_ENDS_IT.search(message.text):
        faults.append("no punctuation at the end")
    return faults


def _is_sentence(message: Message) -> bool:
    """Errors and codes that begin with a capital letter are sentences; helps, notes and ValueErrors are clauses."""
    return message.kind in {"error", "code"} and message.text[:1].isupper() and len(message.text.split()) > 2


def test_the_messages_follow_the_rules_of_writing() -> None:
    wrong = [(each.place, fault, each.text) for each in all_messages() for fault in faults_of(each)]
    assert not wrong, "\n".join(map(" | ".join, wrong))


def test_the_collector_finds_every_kind_in_the_program() -> None:
    messages = all_messages()
    kinds = {kind: sum(each.kind == kind for each in messages) for kind in ("error", "help", "log", "code", "screen")}
    assert kinds["error"] > 300
    assert kinds["help"] > 80
    assert kinds["code"] >= 24 + 3
    assert kinds["log"] >= 10
    assert kinds["screen"] > 50


MADE_UP = """
def refuse_to(parser, path, ready, error):
    parser.add_argument("--to", help=f"those of {path}")
    parser.add_argument("--as", help="it signs" if ready else "the key")
    _log.warning("they were skipped: %s", path)
    if ready:
        raise KeyError("The colors of " + path + " differ.")
    if path:
        raise ValueError(f"The key file {path} is damaged")
    raise OSError(f"{path} is open; make the file private: chmod 600 {path}")
_MEANINGS = {Code.OPEN: (Retry.ASK, "The payment is open"), Code.PAID: "Paid."}
"""


def test_the_collector_reads_strings_f_strings_sums_and_choices() -> None:
    found = {(each.kind, each.text): faults_of(each) for each in messages_in(MADE_UP, "made_up")}
    pronoun, unended = ["a sentence begins with a pronoun"], ["no punctuation at the end"]
    assert found == {
        ("help", "those of §"): pronoun,
        ("help", "it signs"): pronoun,
        ("help", "the key"): [],
        ("log", "they were skipped: %s"): pronoun,
        ("error", "The colors of § differ."): ["American spelling"],
        ("error", "The key file § is damaged"): unended,
        ("error", "§ is open; make the file private: chmod 600 §"): [],
        ("code", "The payment is open"): unended,
        ("code", "Paid."): [],
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"The file {'very ' * 30}large.", "more than 30 words"),
        ("The file is damaged. Those bytes differ.", "a sentence begins with a pronoun"),
        ("The call is not authorized.", "American spelling"),
        ("The file is damaged", "no punctuation at the end"),
    ],
)
def test_each_rule_can_fail(text: str, fault: str) -> None:
    assert faults_of(Message("here", "error", text)) == [fault]
