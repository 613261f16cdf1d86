"""What README.md and the documents say: every code block runs as it stands there, every link leads somewhere (M30).

A page's blocks run from top to bottom in one folder, as a reader would: `c` and `cmake` blocks become files, Python
blocks are one program. A command of a `console` block must print what stands below it, where `...` is anything. What
cannot run here (installing, training for hours, a camera, a bank elsewhere) is held to what can be checked: its extras
exist, the command line takes its arguments, the script is there and tells its usage.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from sealframe.cli.parser import build_parser
from sealframe.cli.registry import COMMANDS
from tests.support import onnxruntime_headers

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
FOLDERS = (".", "docs/**", "models", "benchmarks", "cpp", "packaging", "tests")
PAGES = [page for folder in FOLDERS for page in sorted(ROOT.glob(f"{folder}/*.md"))]
LANGUAGES = {"c", "cmake", "console", "json", "python", "sh", "text", "{eval-rst}"}
MODULE_OF_EXTRA = {"server": "fastapi", "terminal": "cv2", "training": "torch"}
"""A module that only an installation with the extra has."""
INSTALLS = re.compile(r"(python3 -m venv|pip install|\.ci/(?:run|wheels)\b)")
SCRIPT = re.compile(r"python (-m (?:benchmarks|tests)\.\S+|(?:benchmarks|packaging|tests)/\S+\.py)")
NEEDS_SERVER = {"capacity.md", "operate.md", "sandbox.md", "terminal.md"}
FOREVER = re.compile(r"sealframe server run --home \w+$")
PARSED_ALONE = {
    "sealframe terminal": "a camera and a bank",
    "sealframe enrol": "a camera; tests/terminal/test_enrolment.py runs it with pictures",
    "sealframe demo pay --terminal": "a person who ends it; tests/terminal/test_process.py is one",
    "sealframe server run": "a face model and a liveness check of one's own",
    "sealframe calibrate": "a face model of one's own; tests/calibration/test_measurement.py runs it with one",
    "sealframe loadtest": "minutes of both cores; tests/loadtest/test_loadtest.py runs it in short",
    "sealframe evaluate": "pictures; tests/training runs it with some",
    "sealframe train": "pictures and hours; tests/training runs it in short",
}
HEALTH = "http://127.0.0.1:8700/health"


@dataclass
class Page:
    """A page's code in order, and a folder where a reader would have tried it."""

    file: Path
    folder: Path
    left_out: list[str] = field(default_factory=list)
    servers: ExitStack = field(default_factory=ExitStack)

    def blocks(self) -> list[tuple[str, str]]:
        text = self.file.read_text()
        fenced = r"^```([^\n]*)\n(.*?)^```$"
        indented = r"^    (?=sealframe )((?:[^\n]*\\\n)*[^\n]*\n)"
        found = [(match.start(), match[1], match[2]) for match in re.finditer(fenced, text, re.DOTALL | re.MULTILINE)]
        found += [(match.start(), "sh", match[1]) for match in re.finditer(indented, text, re.MULTILINE)]
        return [(language, code) for _, language, code in sorted(found)]

    def run(self) -> None:
        with ExitStack() as self.servers:
            self._run_blocks(self.blocks())

    def _run_blocks(self, blocks: list[tuple[str, str]]) -> None:
        last_python = max((i for i, (language, _) in enumerate(blocks) if language == "python"), default=-1)
        for i, (language, code) in enumerate(blocks):
            if language == "c":
                (self.folder / "program.c").write_text(code)
            elif language == "cmake":
                (self.folder / "CMakeLists.txt").write_text(code)
            elif language == "json":
                json.loads(code)
            elif language == "sh":
                self._shell(code)
            elif language == "console":
                self._console(code)
            elif i == last_python:
                self._python("".join(text for kind, text in blocks if kind == "python"))

    def _python(self, code: str) -> None:
        self._do([sys.executable, "-W", "error", "-c", code])

    def _console(self, code: str) -> None:
        """Run each command after `$`, and compare what it prints."""
        for command, shown in commands_and_outputs(code):
            extra = extra_of(command)
            if extra and find_spec(MODULE_OF_EXTRA[extra]) is None:
                self.left_out.append(f"the extra {extra} not installed")
                continue
            printed = self._do(["bash", "-euo", "pipefail", "-c", command])
            assert matches(shown, printed), f"{self.file.name}\n{command}\nprinted\n{printed}\nand not\n{shown}"

    def _shell(self, code: str) -> None:
        """Run the lines as one script, but for those that cannot run here."""
        script = []
        for line in re.sub(r"\\\n\s*", "", code).splitlines():
            command = line.partition("  #")[0].strip()
            if INSTALLS.match(command):
                check_extras(command)
            elif FOREVER.match(command):
                self._do(["bash", "-euo", "pipefail", "-c", "\n".join(script)])
                script = []
                self._serve(shlex.split(command))
            elif any(command.startswith(known) for known in PARSED_ALONE):
                build_parser().parse_args(shlex.split(re.sub(r"[][]", "", command))[1:])
            elif found := SCRIPT.match(command):
                self._do([sys.executable, *found[1].split(), "--help"], ROOT)
            elif command.startswith("! "):
                script.append(f"if {command[2:]}; then echo '{command} did not fail'; exit 1; fi")
            else:
                script.append(line)
        needed = {
            name
            for name in ("cc", "cmake", "curl", "pkg-config")
            if re.search(rf"^{name} |[({{] ?{name} ", code, re.MULTILINE)
        }
        lacking = sorted(name for name in needed if not shutil.which(name, path=search_path()))
        if "examples/terminal" in code and onnxruntime_headers() is None:
            lacking.append("ONNX Runtime's headers")
        if lacking:
            self.left_out.append(f"{', '.join(lacking)} not installed")
        elif script:
            self._do(["bash", "-euo", "pipefail", "-c", "\n".join(script)])

    def _serve(self, words: list[str]) -> None:
        """Start a server and wait until it is well; at the page's end it is ended as a service manager does."""
        if not becomes_free(8700):
            pytest.skip("something else listens on port 8700")
        process = subprocess.Popen(words, cwd=self.folder, env=environment(), stderr=subprocess.DEVNULL)
        self.servers.callback(end, process)
        wait_for(HEALTH, process)

    def _do(self, words: list[str], folder: Path | None = None) -> str:
        done = subprocess.run(
            words,
            cwd=folder or self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{self.file.name}\n{words[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def commands_and_outputs(console: str) -> list[tuple[str, str]]:
    """The commands of a `console` block, each with the output that stands below it."""
    found = re.findall(r"^\$ ([^\n]+)\n((?:(?!\$ )[^\n]*\n)*)", console, re.MULTILINE)
    assert "".join(f"$ {command}\n{shown}" for command, shown in found) == console, "a block begins with a command"
    return found


def extra_of(command: str) -> str:
    """The extra that a command of sealframe needs, or ""."""
    words = command.split()
    names = [name for name in COMMANDS if words[1 : 1 + len(name.split())] == name.split()]
    return COMMANDS[max(names, key=len)].extra if words[0] == "sealframe" and names else ""


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, where `...` is anything, and on a line of its own any number of lines."""
    lines = [
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + "\n"
        for line in shown.splitlines()
    ]
    return re.fullmatch("".join(lines), printed) is not None


def search_path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": search_path()}


def unpack_onnxruntime_headers(folder: Path) -> None:
    """As if packaging/debian.py, of which the pages run `--help` alone, had unpacked them."""
    if headers := onnxruntime_headers():
        include = folder / "usr/include"
        include.mkdir(parents=True)
        (include / "onnxruntime").symlink_to(headers)


def check_extras(command: str) -> None:
    for names in re.findall(r"\[([\w,]+)\]", command):
        assert set(names.split(",")) <= set(metadata("sealframe").get_all("Provides-Extra") or []), command


def becomes_free(port: int) -> bool:
    for _ in range(60):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(1)
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(address, timeout=5) as reply:
                assert reply.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_code_block_runs(file: Path, tmp_path: Path) -> None:
    page = Page(file, tmp_path)
    assert {language for language, _ in page.blocks()} <= LANGUAGES
    if file.name in NEEDS_SERVER and any(find_spec(module) is None for module in ("fastapi", "uvicorn")):
        pytest.skip("the extra server is not installed")
    for name in ("examples", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    unpack_onnxruntime_headers(tmp_path / "build/onnxruntime")
    page.run()
    if page.left_out:
        pytest.skip("; ".join(page.left_out))


def test_the_badges_are_true() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    titles = re.findall(r"!\[([^]]+)\]\((docs/pictures/badge-\w+\.svg)\)", README)
    said = [re.sub(r"[:]", "", title) for title, _ in titles]
    drawn = [" ".join(re.findall(r">([^<>\n]+)</text>", (ROOT / file).read_text())) for _, file in titles]
    assert [words.lower() for words in said] == [words.lower() for words in drawn]
    licence, python, typed = drawn
    assert licence.endswith(project["license"])
    assert f" {project['requires-python'].removeprefix('>=')} to " in python
    table = README.partition("## Where it runs")[2]
    assert re.search(rf"\b{re.escape(python.rpartition(' ')[2])} \| tested", table)
    assert typed == "typed mypy strict"
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["strict"]


def test_the_two_commands_are_one_line_each() -> None:
    install, test = re.findall(r"```sh\n(.*venv.*\n)```", README)
    assert install.endswith("sealframe demo\n")
    assert test.endswith("pytest\n")


def test_a_console_block_shows_what_its_commands_print() -> None:
    console = "$ one\nfirst\n$ two words\n$ three\na ... c\n...\nlast\n"
    assert commands_and_outputs(console) == [("one", "first\n"), ("two words", ""), ("three", "a ... c\n...\nlast\n")]
    assert matches("a ... c\n...\nlast\n", "a b c\nlast\n")
    assert matches("a ... c\n...\nlast\n", "a b c\nand\nmore\nlast\n")
    assert not matches("a ... c\n...\nlast\n", "a b c\nlast\nand more\n")
    assert not matches("a ... c\n", "a\nc\n")
    assert not matches("first\n", "")
    assert extra_of("sealframe demo pay") == "server"
    assert extra_of("sealframe demo --image pay") == ""


LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|<img src=\"([^\"]+)\"")
LINKS = [(page, link or source) for page in PAGES for link, source in LINK.findall(page.read_text())]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda part: part.name if isinstance(part, Path) else part)
def test_every_link_leads_to_a_file(page: Path, link: str) -> None:
    assert link.startswith("https://") or (page.parent / link).exists()


def test_the_performance_page_and_its_chart_show_the_committed_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    plot = importlib.import_module("ratios_plot")
    page = (ROOT / "docs" / "performance.md").read_text()
    (tables,) = re.findall(r"^## EPYC$(.*?)^### Seal beside", page, re.DOTALL | re.MULTILINE)
    written = sorted(re.findall(r"\| ([\d.]+) \|$", tables, re.MULTILINE), key=float)
    envelope = json.loads(plot.RATIOS.read_text())[plot.ENVELOPE]
    bars = [ratio for _, ratio in plot.read_bars()]
    committed = sorted([*bars, envelope["SHA-256 on both sides"], envelope["HPKE X-Wing direct"]])
    for figure, ratio in zip(written, committed, strict=True):
        assert abs(float(figure) - ratio) <= 0.51 * 10.0 ** -len(figure.partition(".")[2])
    assert plot.draw(plot.read_bars()).startswith(b"\x89PNG")
