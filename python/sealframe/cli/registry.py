"""Every command and action of the command line: where its code is, and what it does.

A name of two words is an action of the command before it. A module is imported when its command is named. It holds

    EXAMPLE                 a line as a person would type it; --help shows it
    add_options(parser)     adds the command's options and positional arguments
    run(options)            does it, and returns the exit status

A command that only has actions has no `run`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse
    from types import ModuleType


class Command(NamedTuple):
    """Where a command's code is, what it does, and the extra that it needs."""

    module: str
    summary: str
    extra: str = ""


COMMANDS: dict[str, Command] = {
    "demo": Command("sealframe.cli.demo", "seal and open a picture, show the refusals, and show where the time goes"),
    "demo pay": Command(
        "sealframe.cli.demo.pay", "run a test bank: pay by face, fail, refuse a replay, and print the ledger", "server"
    ),
    "samples": Command("sealframe.cli.samples", "write drawn pictures to try the other commands with"),
    "keygen": Command("sealframe.cli.keygen", "generate keys for a server, for a device, or shared by both"),
    "keygen server": Command(
        "sealframe.cli.keygen.server", "generate NAME.key, which opens envelopes, and NAME.pub, to which devices seal"
    ),
    "keygen device": Command(
        "sealframe.cli.keygen.device", "generate NAME.key, which signs, NAME.pub for the server, and NAME.counter"
    ),
    "keygen shared": Command(
        "sealframe.cli.keygen.shared", "generate NAME.key for both sides of a closed installation"
    ),
    "key": Command("sealframe.cli.key", "show the contents of a key file, never its secrets"),
    "key show": Command("sealframe.cli.key.show", "print the public facts of a key file"),
    "seal": Command("sealframe.cli.seal", "encrypt a picture to a server and sign it as a device"),
    "open": Command("sealframe.cli.open", "verify and decrypt an envelope, and write the original picture"),
    "inspect": Command("sealframe.cli.inspect", "show the public header of an envelope without verifying anything"),
    "factor": Command("sealframe.cli.factor", "compute a picture's image factor"),
    "doctor": Command(
        "sealframe.cli.doctor", "show versions, CPU kernels and networks, and compare computed factors with known ones"
    ),
    "bench": Command(
        "sealframe.cli.bench",
        "time the kernels on this machine beside NumPy, OpenCV, SciPy, SimSIMD and torch, where installed",
    ),
    "train": Command("sealframe.cli.train", "train networks on folders of pictures, or judge trained ones", "training"),
    "train gan": Command(
        "sealframe.cli.train.gan", "train, round and export the generator and the discriminator", "training"
    ),
    "train vae": Command(
        "sealframe.cli.train.vae", "train, round and export the posterior and likelihood networks", "training"
    ),
    "train matcher": Command(
        "sealframe.cli.train.matcher",
        "train, round and export the face encoder from one portrait of each person",
        "training",
    ),
    "train judge": Command(
        "sealframe.cli.train.judge",
        "judge exported networks on pictures that were not used in training, as JSON",
        "training",
    ),
    "evaluate": Command(
        "sealframe.cli.evaluate",
        "measure on your pictures how well the factor tells pictures apart and locates edits",
        "training",
    ),
    "server": Command(
        "sealframe.cli.server", "run a payment server: verify sealed captures, charge once, and answer", "server"
    ),
    "server init": Command("sealframe.cli.server.init", "create the server's keys, vault key and database", "server"),
    "server run": Command("sealframe.cli.server.run", "serve until stopped", "server"),
    "server token": Command("sealframe.cli.server.token", "create or revoke an operator's token", "server"),
    "server check": Command("sealframe.cli.server.check", "check the ledger's invariants", "server"),
    "server prune": Command("sealframe.cli.server.prune", "delete old attempts and their answers", "server"),
    "server rewrap": Command(
        "sealframe.cli.server.rewrap", "wrap the keys of all templates with the newest vault key", "server"
    ),
    "terminal": Command(
        "sealframe.cli.terminal", "run a payment terminal: capture, seal, send, show the receipt", "terminal"
    ),
    "enrol": Command(
        "sealframe.cli.enrol",
        "enrol a person's face from a camera or from pictures, as an operator of the server",
        "terminal",
    ),
    "calibrate": Command(
        "sealframe.cli.calibrate",
        "measure the error rates of a face matcher on your pictures, and the thresholds for the server",
        "server",
    ),
    "loadtest": Command(
        "sealframe.cli.loadtest",
        "measure a server on this computer: throughput, latency, stages, behaviour under a flood, and the ledger",
        "server",
    ),
}
"""By name, in the order of the help."""


def module_of(name: str) -> ModuleType:
    """The module of a command, imported at its first use."""
    return import_module(COMMANDS[name].module)


def actions_of(name: str) -> list[str]:
    """The names one level below a command, or with "" those of all commands."""
    return [each for each in COMMANDS if each.rpartition(" ")[0] == name]


def run(options: argparse.Namespace) -> int:
    """Run the command that was named.

    Parameters
    ----------
    options
        As the parser returns them; `options.command` is a name of `COMMANDS`.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    PolicyError
        When packages of the command's extra are not installed.
    SealframeError, OSError
        What the command refuses.

    """
    from sealframe.errors import PolicyError

    command = COMMANDS[options.command]
    try:
        status: int = module_of(options.command).run(options)
    except ModuleNotFoundError as error:
        if not command.extra or (error.name or "sealframe").partition(".")[0] == "sealframe":
            raise
        raise PolicyError(f"This command needs more packages: pip install 'sealframe[{command.extra}]'") from None
    return status
