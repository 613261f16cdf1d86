"""Docstrings of public names: numpydoc, complete, in short sentences, with examples that run.

Public are the names that docs/api.md shows: `sealframe.__all__`, the modules below, and the sandbox.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from docstring_parser import Docstring, DocstringStyle, parse
from docstring_parser.common import DocstringExample

import sealframe as sf
from tests.support import ROOT

PACKAGE = ROOT / "python" / "sealframe"
MODULES = [
    "acquisition",
    "capture_context",
    "derivation",
    "envelope",
    "errors",
    "factor",
    "faces",
    "features",
    "freshness",
    "image",
    "keys",
    "models",
    "pipeline",
    "plots",
    "roc",
    "sandbox",
    "security_factor",
    "similarity",
    "trace",
]
BESIDE = {"sealframe.pipeline": ["opener.OpenedPicture"]}
"""What docs/api.md shows of a package besides its `__all__`."""
NEEDS = {"sandbox": "fastapi", "faces": "skimage"}
"""What the examples of a package import; the extras of pyproject.toml bring it."""
MOST_WORDS = 30
TAG = re.compile(r"\([^()]*\b[AM]\d{1,2}\b[^()]*\)")
"""The names of attacks and methods in docs/threat-model.md: (A45), (M7 to M9)."""
SOURCES = {".cpp", ".h", ".hpp", ".js", ".py", ".pyi"}


@dataclass(frozen=True)
class Documented:
    """A public class, function, method or property."""

    name: str
    value: Any

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.value)

    @property
    def is_property(self) -> bool:
        return isinstance(self.value, property | cached_property)

    @property
    def text(self) -> str:
        """Its own docstring, not one that it inherits."""
        return inspect.cleandoc(self.value.__doc__ or "")

    @property
    def parsed(self) -> Docstring:
        return parse(self.text, DocstringStyle.NUMPYDOC)

    def parameters(self) -> set[str]:
        """What a caller may give, without self; nothing for errors, enumerations and contracts."""
        called = self.value
        if self.is_class:
            if issubclass(called, BaseException | Enum) or getattr(called, "_is_protocol", False):
                return set()
            if called.__init__ is object.__init__ and called.__new__ is object.__new__:
                return set()
        return {name for name in inspect.signature(called).parameters if name not in {"self", "cls"}}

    def returns(self) -> str:
        """The annotation of what it returns."""
        return "None" if self.is_class else str(inspect.signature(self.value).return_annotation)


def public_names(module: str) -> list[str]:
    """`__all__`, or what a module without it defines."""
    found = import_module(module)
    listed = getattr(found, "__all__", None)
    defined = [name for name, value in vars(found).items() if getattr(value, "__module__", None) == module]
    return listed or [name for name in defined if not name.startswith("_")]


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that a class defines itself."""
    for name, value in vars(kind).items():
        member = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        is_public = not name.startswith("_") or (name == "__call__" and not getattr(kind, "_is_protocol", False))
        if is_public and (inspect.isfunction(member) or isinstance(member, property | cached_property)):
            yield name, member


@cache
def documented() -> tuple[Documented, ...]:
    """Every public name, once; those of packages whose extra is not installed are left out."""
    found: dict[int, Documented] = {}
    for short in MODULES:
        if find_spec(NEEDS.get(short, "sealframe")) is None:
            continue
        module = f"sealframe.{short}"
        values = [(name, getattr(import_module(module), name)) for name in public_names(module)]
        for place in BESIDE.get(module, []):
            inner, _, name = place.partition(".")
            values.append((name, getattr(import_module(f"{module}.{inner}"), name)))
        for name, value in values:
            if inspect.isclass(value) or inspect.isroutine(value):
                found.setdefault(id(value), Documented(f"{module}.{name}", value))
                inside = members(value) if inspect.isclass(value) else ()
                found |= {id(each): Documented(f"{module}.{name}.{inner}", each) for inner, each in inside}
    return tuple(found.values())


def faults(fault: Callable[[Documented], object]) -> list[str]:
    """The names of which `fault` says something, and what."""
    return [f"{each.name}: {said}" for each in documented() if (said := fault(each))]


def named_parameters(each: Documented) -> set[str]:
    """The names in the sections Parameters and Attributes; one line may name several."""
    return {name.strip().lstrip("*") for param in each.parsed.params for name in param.arg_name.split(",")}


def sentences(docstring: Docstring) -> Iterator[str]:
    """Sentences of summary, description and every section but the examples; a bullet or a paragraph ends one too."""
    sections = [one.description for one in docstring.meta if not isinstance(one, DocstringExample)]
    for text in filter(None, [docstring.short_description, docstring.long_description, *sections]):
        for block in re.split(r"\n\s*\n|\n(?=\s*- )", text):
            yield from re.split(r"(?<=[.!?])\s+(?=[A-Z`])", " ".join(block.split()))


def directly_raised(each: Documented) -> set[str]:
    """Names of the errors that its own lines raise."""
    if getattr(each.value, "_is_protocol", False):
        return set()  # its __init__ is that of typing.Protocol
    function = each.value.__init__ if each.is_class else each.value
    if not inspect.isfunction(function) or function.__code__.co_filename.startswith("<"):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call))
    raised = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    return {name for name in raised if hasattr(sf, name) or hasattr(builtins, name)}


def test_every_public_name_says_what_it_does_in_one_line() -> None:
    def fault(each: Documented) -> object:
        first, *rest = each.text.splitlines() or [""]
        if not first.endswith("."):
            return "no first line that is a sentence"
        return rest and rest[0] and "no blank line after the first line"

    assert faults(fault) == []


def test_every_parameter_is_named_with_a_type_and_a_description() -> None:
    def fault(each: Documented) -> object:
        if each.is_property:
            return None
        missing = each.parameters() - named_parameters(each)
        bare = [param.arg_name for param in each.parsed.params if not param.description or not param.type_name]
        return sorted(missing) + [name for name in bare if not name.startswith("*")]

    assert faults(fault) == []


def test_no_parameter_is_named_that_does_not_exist() -> None:
    def fault(each: Documented) -> object:
        if each.is_property:
            return None
        given = {
            name.strip().lstrip("*")
            for param in each.parsed.params
            if param.args[0] == "param"
            for name in param.arg_name.split(",")
        }
        return sorted(given - each.parameters())

    assert faults(fault) == []


def test_what_a_function_returns_is_described() -> None:
    def fault(each: Documented) -> object:
        if each.is_property or each.returns() in {"None", "NoReturn"}:
            return None
        yields = each.returns().startswith("Iterator") and "Yields\n" in each.text
        return not yields and not each.parsed.returns and "no section Returns"

    assert faults(fault) == []


def test_errors_that_a_function_raises_are_named() -> None:
    def fault(each: Documented) -> object:
        if each.is_property:
            return None
        named = {name.strip() for one in each.parsed.raises for name in (one.type_name or "").split(",")}
        return sorted(directly_raised(each) - named)

    assert faults(fault) == []


def test_every_public_class_and_function_has_an_example() -> None:
    def fault(each: Documented) -> object:
        return each.name.count(".") == 2 and ">>>" not in each.text and "no example"

    assert faults(fault) == []
    top = [Documented(name, getattr(sf, name)) for name in sf.__all__ if name != "__version__"]
    assert [each.name for each in top if ">>>" not in each.text] == []


def test_sentences_are_short() -> None:
    def fault(each: Documented) -> object:
        return [said for said in sentences(each.parsed) if len(said.split()) > MOST_WORDS]

    assert faults(fault) == []


def docstrings_with_examples() -> Iterator[doctest.DocTest]:
    """Every docstring of the package that has an example, as a test that finds nothing but what it imports."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        if find_spec(NEEDS.get(Path(parts[0]).stem, "sealframe")) is None:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else None
            if text and ">>>" in text:
                name = ".".join([*parts[:-1], Path(parts[-1]).stem, getattr(node, "name", "module")])
                yield doctest.DocTestParser().get_doctest(text, {}, name, str(path), node.body[0].lineno - 1)


@pytest.mark.parametrize("example", list(docstrings_with_examples()), ids=lambda example: example.name)
def test_the_example_gives_what_it_says(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.write)
    assert outcome.attempted > 0
    assert outcome.failed == 0, said.getvalue()


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every comment and docstring of a source file."""
    text = path.read_text()
    if path.suffix not in {".py", ".pyi"}:
        for found in re.finditer(r"//[^\n]*|/\*.*?\*/", text, re.DOTALL):
            yield text.count("\n", 0, found.start()) + 1, found.group()
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.endswith('"""')):
            yield token.start[0], token.string


def test_no_comment_or_docstring_carries_the_tag_of_an_attack_or_method() -> None:
    folders = ("python", "cpp", "benchmarks", "examples", "packaging")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    assert len(sources) > 100
    tagged = [
        f"{path.relative_to(ROOT)}:{line}: {tag.group()}"
        for path in sources
        for line, text in comments(path)
        if (tag := TAG.search(text))
    ]
    assert tagged == []
