"""Options that several commands share, each in one place with its help."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.capture_context import SpliceRule


def positive(text: str) -> int:
    """A whole number from 1, as argparse's types are."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def rate(text: str) -> float:
    """A rate above 0 and below 1, as argparse's types are."""
    with suppress(ValueError):
        if 0 < float(text) < 1:
            return float(text)
    raise argparse.ArgumentTypeError("must be a rate between 0 and 1, for example 0.001")


def add_json(parser: ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_out(parser: ArgumentParser, what: str) -> None:
    """--out and --force of one result, `what`, which may go to standard output."""
    parser.add_argument(
        "--out", metavar="FILE", required=True, help=f"write {what} to FILE, or to standard output with -"
    )
    parser.add_argument("--force", action="store_true", help="overwrite existing files")


def add_password_file(parser: ArgumentParser) -> None:
    """--password-file, for keys that exist."""
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="read the key password from the first line of FILE; ask for any other password",
    )


def add_new_password_file(parser: ArgumentParser, what: str) -> None:
    """--password-file, for keys that are made; `what` is encrypted."""
    parser.add_argument(
        "--password-file", metavar="FILE", help=f"encrypt {what} with the password in the first line of FILE"
    )


def add_jobs(parser: ArgumentParser) -> None:
    """--jobs."""
    parser.add_argument(
        "--jobs", metavar="N", type=positive, default=1, help="run N processes on a folder (default: 1)"
    )


def add_profile(parser: ArgumentParser) -> None:
    """--reduction and --path, which name a factor profile."""
    from sealframe.factor import PATHS, REDUCTIONS

    parser.add_argument(
        "--reduction",
        choices=REDUCTIONS,
        default="rows",
        help="reduce the similarity map in this way (default: %(default)s)",
    )
    parser.add_argument(
        "--path", choices=tuple(PATHS), default="gan", help="compute the map with these networks (default: %(default)s)"
    )


def add_splice_rule(parser: ArgumentParser) -> None:
    """--splice-rule, for captures that are sealed."""
    parser.add_argument(
        "--splice-rule", metavar="FILE", help="write the capture context by the splice rule in FILE (TOML)"
    )


def add_splice_rules(parser: ArgumentParser) -> None:
    """--splice-rule, for captures that are opened; may be repeated."""
    parser.add_argument(
        "--splice-rule",
        metavar="FILE",
        action="append",
        default=[],
        dest="splice_rules",
        help="also read capture contexts written by the splice rule in FILE (TOML); may be repeated",
    )


def splice_rules_of(options: Namespace) -> list[SpliceRule]:
    """What `add_splice_rules` named. Raises PolicyError for a file that holds no rule."""
    from sealframe.capture_context import SpliceRule

    return [SpliceRule.load(path) for path in options.splice_rules]


def splice_rule_of(options: Namespace) -> SpliceRule:
    """What `add_splice_rule` named, or the default rule. Raises PolicyError for a file that holds no rule."""
    from sealframe.capture_context import DEFAULT_RULE, SpliceRule

    return SpliceRule.load(options.splice_rule) if options.splice_rule else DEFAULT_RULE


def add_server_connection(parser: ArgumentParser) -> None:
    """--to and --server: whom a terminal talks to."""
    parser.add_argument(
        "--to",
        metavar="PUB",
        required=True,
        help="the server's public key (server.pub), which also verifies its answers",
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        required=True,
        help="the server's address, https://HOST; http:// is allowed only for a server on this computer",
    )


def add_matcher(parser: ArgumentParser) -> None:
    """--model and --detector: whose faces are compared, and how they are found."""
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="compare faces with an ONNX model (112x112) or your own matcher, MODULE:NAME (default: demo matcher)",
    )
    parser.add_argument(
        "--detector",
        metavar="DETECTOR",
        default="cascade",
        help="find faces with cascade, centre or your own detector, MODULE:NAME (default: %(default)s)",
    )


def add_screen(parser: ArgumentParser, whose: str) -> None:
    """--ui and --no-browser: the screen of a terminal."""
    parser.add_argument(
        "--ui",
        choices=("page", "text"),
        default="page",
        help=f"show {whose} screen as a web page or as text (default: %(default)s)",
    )
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="print the page's address instead of opening a browser",
    )
