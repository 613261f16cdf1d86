"""`sealframe open`: an envelope becomes the picture it was made of, a folder of envelopes a folder of pictures."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli.folder import files_in, run_over, target_folder
from sealframe.cli.options import add_jobs, add_json, add_out, add_password_file, add_splice_rules, splice_rules_of
from sealframe.cli.passwords import KeyPasswords, load_accepted_device
from sealframe.cli.printing import note, print_json, printable, say
from sealframe.cli.streams import read_envelope, staged_output, write_output
from sealframe.envelope import Policy
from sealframe.errors import PolicyError, SealframeError
from sealframe.keys.recipient import SUITE_NAMES, Suite
from sealframe.pipeline import CHECKS

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.cli.folder import Step

EXAMPLE = "sealframe open photo.seal --key server.key --from pos.pub --out photo.jpg"


def add_options(parser: ArgumentParser) -> None:
    """Envelope, keys, devices, what is accepted, and where picture and data go."""
    parser.add_argument(
        "envelope", metavar="FILE", help="the envelope, a folder of .seal files, or - for standard input"
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        required=True,
        action="append",
        dest="keys",
        help="the server's private key (server.key) or the shared key; may be repeated while keys change",
    )
    parser.add_argument(
        "--from",
        metavar="PUB",
        required=True,
        action="append",
        dest="devices",
        help="the public key of a device to accept (pos.pub); may be repeated",
    )
    parser.add_argument(
        "--live",
        metavar="STORE",
        help="refuse old and replayed captures; STORE is the SQLite file that remembers them (default: no such check)",
    )
    parser.add_argument(
        "--allow-suite",
        choices=[name for name, suite in SUITE_NAMES.items() if suite is not Suite.X_WING],
        action="append",
        default=[],
        help="accept envelopes of this suite too; may be repeated",
    )
    add_splice_rules(parser)
    parser.add_argument("--data-out", metavar="FILE", help="write the data sealed with the picture to FILE")
    parser.add_argument("--explain", action="store_true", help="print every check, in order, with its outcome")
    add_json(parser)
    add_jobs(parser)
    add_out(parser, "the picture")
    add_password_file(parser)


def run(options: Namespace) -> int:
    """Check everything, then write the payload; with --live also spend the capture."""
    passwords = KeyPasswords(options.password_file)
    if Path(options.envelope).is_dir():
        return _run_folder(options, passwords)
    envelope = read_envelope(options.envelope)
    opener = _opener(options, passwords)
    verified = _explained(opener, envelope, live=options.live) if options.explain else opener.verify(envelope)
    with ExitStack() as outputs:
        outputs.enter_context(staged_output(options.out, verified.payload, force=options.force))
        if options.data_out:
            outputs.enter_context(staged_output(options.data_out, verified.data, force=options.force))
        opened = _accepted(verified, explain=options.explain and options.live)
    if options.json and options.out != "-":
        print_json({"freshness": "live" if options.live else "archive", **opened.to_dict()})
    else:
        checked = "never seen before" if options.live else "archive: replays and age are not checked"
        say(
            f"Opened a capture of {printable(opened.context.device_info)}, {len(opened.payload)} bytes ({checked}).",
            out=options.out,
        )
    return 0


def _run_folder(options: Namespace, passwords: KeyPasswords) -> int:
    if options.live or options.data_out or options.explain:
        raise PolicyError(
            "--live, --data-out and --explain take a single envelope, not a folder; open each envelope on its own."
        )
    out = target_folder(options.out)
    pairs = files_in(Path(options.envelope), {".seal"}, lambda path: out / path.with_suffix(""))
    step = partial(_step, options, passwords)
    return run_over(pairs, step, jobs=options.jobs, force=options.force, done="Opened")


def _step(options: Namespace, passwords: KeyPasswords) -> Step:
    opener = _opener(options, passwords)

    def open_one(source: Path, target: Path) -> None:
        write_output(str(target), opener.open(read_envelope(str(source))).payload, force=options.force)

    return open_one


def _opener(options: Namespace, passwords: KeyPasswords) -> sf.Opener:
    return sf.Opener(
        [passwords.load_opening_key(path) for path in options.keys],
        devices=[load_accepted_device(path) for path in options.devices],
        freshness=sf.Live(sf.SqliteReplayStore(options.live)) if options.live else sf.Archive(),
        policy=Policy(suites=frozenset({Suite.X_WING, *(SUITE_NAMES[name] for name in options.allow_suite)})),
        splice_rules=splice_rules_of(options),
    )


def _accepted(verified: sf.Verified, *, explain: bool) -> sf.Opened:
    """Spend the capture; the last line of an explanation."""
    outcome = "FAILED"
    try:
        opened = verified.accept()
        outcome = "passed"
    finally:
        if explain:
            note(f"{outcome:9}{'acceptance':14}the capture is new to the store and is now recorded in it")
    return opened


def _explained(opener: sf.Opener, envelope: bytes, *, live: str | None) -> sf.Verified:
    """Verify, and tell on standard error what each check found; the first that fails ends it.

    An archive does not ask for the time of a capture.
    """
    left = list(CHECKS)

    def on_check(check: str) -> None:
        left.remove(check)
        outcome = "passed" if live or check != "clock" else "left out"
        note(f"{outcome:9}{check:14}{CHECKS[check]}")

    try:
        return opener.verify(envelope, on_check=on_check)
    except SealframeError:
        for outcome, check in zip(["FAILED", *["not run"] * len(left)], left, strict=False):
            note(f"{outcome:9}{check:14}{CHECKS[check]}")
        raise
