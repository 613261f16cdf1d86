"""`sealframe open`: an envelope becomes the picture it was made of, a folder of envelopes a folder of pictures."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli import printable
from sealframe.cli.folder import files_in, run_over
from sealframe.cli.keys import Passwords, load_opening_key
from sealframe.cli.streams import print_json, read_envelope, say, staged_output, write_output
from sealframe.envelope import Policy
from sealframe.errors import PolicyError, SealframeError
from sealframe.keys.recipient import SUITE_NAMES, Suite
from sealframe.pipeline import CHECKS

if TYPE_CHECKING:
    import argparse

    from sealframe.cli.folder import Step


def run(arguments: argparse.Namespace) -> int:
    """Check everything, then write the payload; with --live also spend the capture."""
    if Path(arguments.envelope).is_dir():
        return _run_folder(arguments)
    envelope = read_envelope(arguments.envelope)
    opener = _opener(arguments)
    verified = _explained(opener, envelope, live=arguments.live) if arguments.explain else opener.verify(envelope)
    with ExitStack() as outputs:
        outputs.enter_context(staged_output(arguments.out, verified.payload, force=arguments.force))
        if arguments.data_out:
            outputs.enter_context(staged_output(arguments.data_out, verified.data, force=arguments.force))
        opened = _accepted(verified, explain=arguments.explain and arguments.live)
    if arguments.json and arguments.out != "-":
        print_json({"freshness": "live" if arguments.live else "archive", **opened.to_dict()})
    else:
        checked = "never seen before" if arguments.live else "archive: replays and age are not checked"
        say(
            f"Opened a capture of {printable(opened.context.device_info)}, {len(opened.payload)} bytes ({checked}).",
            out=arguments.out,
        )
    return 0


def _run_folder(arguments: argparse.Namespace) -> int:
    if arguments.live or arguments.data_out or arguments.explain:
        raise PolicyError("A folder is opened as an archive, pictures only; open envelopes singly for the rest.")
    out = Path(arguments.out)
    pairs = files_in(Path(arguments.envelope), {".seal"}, lambda path: out / path.with_suffix(""))
    return run_over(pairs, _step, arguments, done="Opened")


def _step(arguments: argparse.Namespace) -> Step:
    opener = _opener(arguments)

    def open_one(source: Path, target: Path) -> None:
        write_output(str(target), opener.open(read_envelope(str(source))).payload, force=arguments.force)

    return open_one


def _opener(arguments: argparse.Namespace) -> sf.Opener:
    passwords = Passwords(arguments)
    return sf.Opener(
        [load_opening_key(path, passwords) for path in arguments.keys],
        devices=[sf.DevicePublic.load(path) for path in arguments.devices],
        freshness=sf.Live(sf.SqliteReplayStore(arguments.live)) if arguments.live else sf.Archive(),
        policy=Policy(suites=frozenset({Suite.X_WING, *(SUITE_NAMES[name] for name in arguments.allow_suite)})),
    )


def _accepted(verified: sf.Verified, *, explain: bool) -> sf.Opened:
    """Spend the capture; the last line of an explanation."""
    outcome = "FAILED"
    try:
        opened = verified.accept()
        outcome = "passed"
    finally:
        if explain:
            print(f"{outcome:9}{'acceptance':14}the capture is new to the store, and now spent", file=sys.stderr)
    return opened


def _explained(opener: sf.Opener, envelope: bytes, *, live: str | None) -> sf.Verified:
    """Verify, and tell on standard error what each check found; the first that fails ends it.

    An archive does not ask for the time of a capture.
    """
    left = list(CHECKS)

    def on_check(check: str) -> None:
        left.remove(check)
        outcome = "passed" if live or check != "clock" else "left out"
        print(f"{outcome:9}{check:14}{CHECKS[check]}", file=sys.stderr)

    try:
        return opener.verify(envelope, on_check=on_check)
    except SealframeError:
        for outcome, check in zip(["FAILED", *["not run"] * len(left)], left, strict=False):
            print(f"{outcome:9}{check:14}{CHECKS[check]}", file=sys.stderr)
        raise
