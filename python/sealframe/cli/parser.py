"""The parsers of the command line, made of the registry; a command's own is completed when it is named."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sealframe.cli.registry import COMMANDS, actions_of, module_of

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_STATUS = "exit status: 0 done, 1 refused (one sentence on standard error), 2 wrong usage, 130 interrupted"
LIBRARY_FOLDERS = {
    "--cmakedir": ("lib/cmake/sealframe", "CMake's package files; give it as CMAKE_PREFIX_PATH"),
    "--includedir": ("include", "the C and C++ headers"),
    "--libdir": ("lib", "the native library"),
}
"""Folders of the installed package by option, each with what it holds."""


class CommandParser(argparse.ArgumentParser):
    """The parser of one command. It adds the command's options at its first use; unused ones cost nothing."""

    def __init__(self, *, command: str = "", **settings: Any) -> None:
        """`command` is a name of the registry; without one there is nothing to add."""
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **settings)
        self._command = command

    def complete(self) -> None:
        """Add the options and the actions of the command, and its example to the help."""
        name, self._command = self._command, ""
        if not name:
            return
        module = module_of(name)
        self.epilog = f"example: {module.EXAMPLE}\n\n{EXIT_STATUS}"
        self.set_defaults(command=name)
        if hasattr(module, "add_options"):
            module.add_options(self)
        add_actions(self, name, title="actions", metavar="ACTION", required=not callable(getattr(module, "run", None)))

    def format_help(self) -> str:
        """The whole help of the command."""
        self.complete()
        return super().format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse this command's words; what it does not know is its own error, not that of the command above it."""
        self.complete()
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown option or argument: {' '.join(unknown)}")
        return options, []

    def error(self, message: str) -> NoReturn:
        """Print the usage, what is wrong, and where to read on; exit with status 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"sealframe: {message}. Try: {self.prog} --help\n")


class _PrintLibraryFolder(argparse.Action):
    """Prints a folder of the installed package and ends, as --version does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002  (argparse calls it so)
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        from sealframe import _core

        print(Path(_core.__file__).parent / str(self.const))
        parser.exit()


def build_parser() -> CommandParser:
    """The parser of the whole command line; `parse_args` imports the module of the named command alone."""
    from sealframe import __version__

    parser = CommandParser(
        prog="sealframe",
        description="Seals camera frames: each picture is encrypted to the server and signed by the device.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"sealframe {__version__}")
    for option, (folder, meaning) in LIBRARY_FOLDERS.items():
        parser.add_argument(
            option, action=_PrintLibraryFolder, nargs=0, const=folder, help=f"print the folder of {meaning}"
        )
    add_actions(parser, "", title="commands", metavar="COMMAND", required=True)
    return parser


def add_actions(parser: argparse.ArgumentParser, name: str, *, title: str, metavar: str, required: bool) -> None:
    """Add the commands one level below `name` to its parser, each with its summary; nothing where there are none."""
    below = actions_of(name)
    if not below:
        return
    group = parser.add_subparsers(
        title=title, metavar=metavar, dest="action", required=required, parser_class=CommandParser
    )
    for each in below:
        summary = COMMANDS[each].summary
        group.add_parser(
            each.rpartition(" ")[2],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            command=each,
        )
