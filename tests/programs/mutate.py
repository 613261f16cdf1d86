"""Mutation testing: change one thing in a module at a time; the tests named must notice.

    python -m tests.programs.mutate sealframe.envelope.session tests/envelope/test_session.py ...

Prints the mutants that no test noticed. The sources stay as they are: each mutant is loaded from a temporary file.
"""

from __future__ import annotations

import ast
import copy
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIME_LIMIT_S = 120
OTHER_COMPARISON: dict[type, type] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OTHER_OPERATOR: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
}
RUNNER = """
import importlib.util, sys, pytest
name, file = sys.argv[1:3]
class Mutant:
    def find_spec(self, wanted, path=None, target=None):
        return importlib.util.spec_from_file_location(name, file) if wanted == name else None
sys.meta_path.insert(0, Mutant())
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[3:]]))
"""


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, description and source of each mutant."""
    tree = _without_annotations(ast.parse(source))
    for number, node in enumerate(ast.walk(tree)):
        for change in range(len(node.ops) if isinstance(node, ast.Compare) else 1):
            mutated = copy.deepcopy(tree)
            twin = next(one for place, one in enumerate(ast.walk(mutated)) if place == number)
            if description := _mutate(twin, change):
                yield getattr(node, "lineno", 0), description, ast.unparse(mutated)


def _without_annotations(tree: ast.Module) -> ast.Module:
    """Annotations are never evaluated; dataclass fields keep a name, NamedTuple fields too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("object")
    return tree


def _mutate(node: ast.AST, change: int) -> str | None:
    if isinstance(node, ast.Compare):
        node.ops[change] = OTHER_COMPARISON[type(node.ops[change])]()
        return f"comparison {change}: {ast.unparse(node)}"
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return ast.unparse(node)
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER_OPERATOR:
        node.op = OTHER_OPERATOR[type(node.op)]()
        return ast.unparse(node)
    if isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
        return f"constant {node.value}"
    return _delete_statement(node)


def _delete_statement(node: ast.AST) -> str | None:
    """Every call made for its effect, and every raise, by way of the block that holds it."""
    body = getattr(node, "body", None)
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
        node.test = ast.Constant(False)
        return f"never raised: {ast.unparse(node.body[0])}"
    if isinstance(node, ast.FunctionDef | ast.With) and isinstance(body, list):
        calls = [one for one in body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)]
        if calls:
            body[body.index(calls[-1])] = ast.Pass()
            return f"left out: {ast.unparse(calls[-1])}"
    return None


def survives(module: str, source: str, tests: list[str]) -> bool:
    """Whether all tests pass with this source in the place of the module."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mutant.py")
        file.write_text(source)
        command = [sys.executable, "-c", RUNNER, module, str(file), *tests]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=TIME_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def main() -> int:
    """Try all mutants of the module; exit code 1 when some survive."""
    module, *tests = sys.argv[1:]
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert survives(module, source, tests), "the tests fail without any mutation"
    tried, survivors = 0, 0
    for line, description, mutated in mutants(source):
        tried += 1
        if survives(module, mutated, tests):
            survivors += 1
            print(f"{module}:{line}: {description}", flush=True)
    print(f"{module}: {tried} mutants, {survivors} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
