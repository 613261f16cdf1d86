"""Every command, its arguments and an example."""

from __future__ import annotations

import argparse
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

SIGN_NAMES = ("ed25519", "ml-dsa-44", "ml-dsa-65", "ed25519+ml-dsa-65", "ecdsa-p256")
MODEL_HELP = "a face model 112x112 in ONNX, or a matcher of yours as MODULE:NAME (default: the demo matcher)"
EXIT_STATUS = "exit status: 0 done, 1 refused (one sentence on standard error), 2 wrong usage, 130 interrupted"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sealframe: {message}. Try: {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser; each command's code is imported only when it runs."""
    from sealframe import __version__

    parser = _Parser(
        prog="sealframe",
        description="Seals camera frames: the sealing depends on picture, capture and device.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"sealframe {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_demo(commands)
    _add_keygen(commands)
    _add_key(commands)
    _add_seal(commands)
    _add_open(commands)
    _add_inspect(commands)
    _add_factor(commands)
    _add_doctor(commands)
    _add_bench(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_server(commands)
    _add_terminal(commands)
    _add_enrol(commands)
    _add_calibrate(commands)
    _add_loadtest(commands)
    return parser


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[_Parser]


def _add(commands: _Commands, name: str, help_: str, example: str) -> argparse.ArgumentParser:
    parser = _add_action(commands, name, help_, example)
    parser.set_defaults(run=_runner(f"sealframe.cli.{name}"))
    return parser


def _add_action(actions: _Commands, name: str, help_: str, example: str) -> argparse.ArgumentParser:
    """A command, or one action of a command: what it does, an example, the exit status."""
    return actions.add_parser(
        name,
        help=help_,
        description=help_[0].upper() + help_[1:] + ".",
        epilog=f"example: {example}\n\n{EXIT_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _runner(module: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        status: int = import_module(module).run(arguments)
        return status

    return run


def _application(module: str, extra: str) -> Callable[[argparse.Namespace], int]:
    """As `_runner`, for what needs packages of an extra."""

    def run(arguments: argparse.Namespace) -> int:
        from sealframe.errors import PolicyError

        try:
            return _runner(module)(arguments)
        except ModuleNotFoundError as error:
            if (error.name or "sealframe").partition(".")[0] == "sealframe":
                raise
            raise PolicyError(f"This needs more packages: pip install 'sealframe[{extra}]'") from None

    return run


def _add_demo(commands: _Commands) -> None:
    demo = _add(
        commands,
        "demo",
        "seal and open a picture, show what is refused, and where the time goes",
        "sealframe demo --image photo.jpg",
    )
    demo.add_argument("--image", metavar="PATH", help="a picture of yours (default: a synthetic one)")
    demo.add_argument(
        "--out",
        metavar="FILE",
        default="sealframe-demo.png",
        help="the picture it draws (default: %(default)s)",
    )
    others = demo.add_subparsers(title="other demonstrations", metavar="WHAT", parser_class=_Parser)
    pay = _add_action(
        others,
        "pay",
        "pay by face, fail, refuse a replay, and print the ledger; all of it TEST",
        "sealframe demo pay --faces people    (people/ann/1.jpg ... people/ben/4.jpg)",
    )
    pay.add_argument(
        "--faces", metavar="FOLDER", help="a folder for each of two people, at least four pictures in each"
    )
    pay.add_argument("--terminal", action="store_true", help="serve the bank, and open a terminal before it")
    pay.add_argument(
        "--ui", choices=("page", "text"), default="page", help="the terminal's screen (default: %(default)s)"
    )
    _add_no_browser(pay)
    pay.set_defaults(run=_application("sealframe.sandbox.demonstration", "server"))


def _add_bench(commands: _Commands) -> None:
    bench = _add(
        commands,
        "bench",
        "time the kernels on this machine, beside NumPy, OpenCV, SciPy, SimSIMD and torch where installed",
        "sealframe bench --json > bench.json",
    )
    bench.add_argument("--json", action="store_true", help="print JSON")


def _add_train(commands: _Commands) -> None:
    train = _add(
        commands,
        "train",
        "train networks on folders of pictures, or judge trained ones",
        "sealframe train gan faces scenes --out run && sealframe train judge --models run --unseen photo=other",
    )
    train.set_defaults(run=_application("sealframe.cli.train", "training"))
    train.add_argument("--threads", metavar="N", type=_positive, default=1, help="threads (default: %(default)s)")
    actions = train.add_subparsers(
        title="actions", metavar="ACTION", dest="action", required=True, parser_class=_Parser
    )
    for name, what in (("gan", "generator and discriminator"), ("vae", "posterior and likelihood net")):
        image_net = _add_action(
            actions, name, f"train, round and export {what}", f"sealframe train {name} faces scenes --out run"
        )
        _add_training_run(image_net)
        image_net.add_argument(
            "--hold-out", metavar="SOURCE", nargs="*", default=[], help="sources kept for judging too"
        )
        image_net.add_argument(
            "--choose",
            metavar="FIELD=VALUES",
            nargs="+",
            help="try these of the recipe in short runs first, as channels=8,12,16, and train the smallest good one",
        )
        image_net.add_argument(
            "--choose-steps", metavar="N", type=_positive, help="length of these runs (default: a tenth)"
        )
        if name == "vae":
            image_net.add_argument(
                "--features", choices=("pixels", "spectrum"), help="what the posterior net reads (default: spectrum)"
            )
    matcher = _add_action(
        actions,
        "matcher",
        "train, round and export the face encoder, from one portrait a person",
        "sealframe train matcher faces --backgrounds scenes --out run",
    )
    _add_training_run(matcher)
    matcher.set_defaults(hold_out=[])
    matcher.add_argument(
        "--backgrounds", metavar="FOLDER", nargs="+", required=True, type=Path, help="pictures without faces"
    )
    judge = _add_action(
        actions,
        "judge",
        "judge exported networks on pictures they were not trained on; JSON",
        "sealframe train judge --models run --unseen photo=other > judgement.json",
    )
    judge.add_argument("--models", metavar="FOLDER", required=True, type=Path, help="a run, or other manifest.json")
    judge.add_argument("--unseen", metavar="NAME=FOLDER", nargs="*", default=[], help="pictures never trained on")
    judge.add_argument(
        "--trained-on", metavar="NAME=FOLDER", nargs="*", default=[], help="folders whose held-out sources are judged"
    )
    judge.add_argument("--seed", type=int, default=7, help="of drawn pictures and degradations (default: %(default)s)")


def _add_evaluate(commands: _Commands) -> None:
    evaluate = _add(
        commands,
        "evaluate",
        "measure on your pictures how parts of the factor tell pictures apart and locate edits; JSON and plots",
        "sealframe evaluate photos --learn-from other-photos --out report > evaluation.json",
    )
    evaluate.set_defaults(run=_application("sealframe.cli.evaluate", "training"))
    evaluate.add_argument("folder", metavar="FOLDER", nargs="+", type=Path, help="pictures never trained on")
    evaluate.add_argument(
        "--most", metavar="N", type=_positive, default=20, help="pictures per folder, evenly spread (default: 20)"
    )
    evaluate.add_argument(
        "--learn-from",
        metavar="FOLDER",
        nargs="+",
        default=[],
        type=Path,
        help="other pictures, from which comparators learn where edits are (default: no comparators)",
    )
    evaluate.add_argument(
        "--most-learnt", metavar="N", type=_positive, default=400, help="pictures per such folder (default: 400)"
    )
    evaluate.add_argument(
        "--examples", metavar="N", type=_positive, default=2000, help="edits that they learn from (default: 2000)"
    )
    evaluate.add_argument("--out", metavar="FOLDER", type=Path, help="also write evaluation.json and plots here")
    evaluate.add_argument("--seed", type=int, default=7, help="of noise and places of edits (default: %(default)s)")


def _add_training_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="+", type=Path, help="pictures, one folder below per source")
    parser.add_argument("--out", metavar="FOLDER", required=True, type=Path, help="the run; an unfinished one goes on")
    parser.add_argument("--recipe", metavar="JSON", type=Path, help="fields of the recipe, as in a run's recipe.json")
    parser.add_argument("--steps", metavar="N", type=_positive, help="length of the run (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="of weights, pairs and order (default: the recipe's)")
    parser.add_argument("--faces", action="store_true", help="drop pictures without a face, or with a covered one")
    parser.add_argument(
        "--detector", metavar="MODULE:NAME", help="a face detector of yours for that; called without arguments"
    )


def _add_server(commands: _Commands) -> None:
    server = _add(
        commands,
        "server",
        "receive sealed captures, verify, charge once, and answer",
        "sealframe server init --home bank && sealframe server run --home bank",
    )
    server.set_defaults(run=_application("sealframe.server.command", "server"))
    actions = server.add_subparsers(
        title="actions", metavar="ACTION", dest="action", required=True, parser_class=_Parser
    )
    init = _add_action(
        actions,
        "init",
        "make keys, vault key and database",
        "sealframe server init --home bank --password-file secret.txt",
    )
    run = _add_action(
        actions,
        "run",
        "serve until told to stop",
        "sealframe server run --home bank --database postgresql://sealframe@db.example/bank",
    )
    token = _add_action(
        actions,
        "token",
        "make, or revoke, an operator's token",
        "sealframe server token --home bank --name olga",
    )
    check = _add_action(actions, "check", "check the ledger's invariants", "sealframe server check --home bank --json")
    prune = _add_action(
        actions, "prune", "forget old attempts and their answers", "sealframe server prune --home bank --days 30"
    )
    rewrap = _add_action(
        actions,
        "rewrap",
        "wrap the keys of all templates with the newest vault key",
        "sealframe server rewrap --home bank --old-vault-key former.key",
    )
    for action in (init, run, token, check, prune, rewrap):
        action.add_argument("--home", metavar="FOLDER", required=True, help="where keys and database lie")
        action.add_argument("--database", metavar="URL", help="postgresql://... (default: SQLite in the home folder)")
        _add_password_file(action)
    for action in (run, rewrap):
        action.add_argument(
            "--old-vault-key", metavar="KEY", action="append", default=[], help="still opens; repeatable"
        )
    _add_matcher(run)
    _add_server_run(run)
    token.add_argument("--name", required=True, help="the operator's name")
    token.add_argument("--revoke", action="store_true", help="take the operator's tokens out of use")
    check.add_argument("--json", action="store_true", help="print JSON")
    prune.add_argument("--days", type=int, default=30, help="keep this many days (default: %(default)s)")


def _add_terminal(commands: _Commands) -> None:
    from sealframe.terminal.screen.texts import LANGUAGES

    terminal = _add(
        commands,
        "terminal",
        "take payments: capture, seal, send, show the receipt",
        "sealframe terminal --as pos.key --to server.pub --server https://bank.example --payee shop --source 0",
    )
    terminal.set_defaults(run=_application("sealframe.terminal.command", "terminal"))
    terminal.add_argument("--as", metavar="KEY", required=True, dest="device", help="the device's key; counter beside")
    terminal.add_argument("--to", metavar="PUB", required=True, help="the server's .pub; its answers are checked by it")
    terminal.add_argument("--server", metavar="URL", required=True, help="https://...; http on this computer alone")
    terminal.add_argument("--payee", metavar="ACCOUNT", required=True, help="the account that is paid")
    terminal.add_argument("--currency", default="EUR", help="three capital letters (default: %(default)s)")
    terminal.add_argument(
        "--source",
        default="0",
        help="a camera's number, browser, a video, a folder, or face_%%03d.png (default: %(default)s)",
    )
    terminal.add_argument("--journal", metavar="FOLDER", help="default: beside the key, ending .journal")
    terminal.add_argument("--ui", choices=("page", "text"), default="page", help="the screen (default: %(default)s)")
    terminal.add_argument("--port", type=int, default=0, help="the page's port on 127.0.0.1 (default: any free one)")
    terminal.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the page's address, no more"
    )
    terminal.add_argument("--test", action="store_true", help="say TEST on every screen: no real money moves")
    terminal.add_argument("--language", choices=LANGUAGES, default="en", help="default: %(default)s")
    terminal.add_argument("--trace", metavar="PNG", help="at the end, print and draw where the time went")
    _add_password_file(terminal)


def _add_enrol(commands: _Commands) -> None:
    enrol = _add(
        commands,
        "enrol",
        "enrol a person's face, from a camera or from pictures, as an operator of the server",
        "sealframe enrol ann --account ann --as pos.key --to bank.pub --server https://bank.example --token-file olga",
    )
    enrol.set_defaults(run=_application("sealframe.terminal.enrol", "terminal"))
    enrol.add_argument("source", metavar="SOURCE", nargs="+", help="a camera's number, a folder, or three pictures")
    enrol.add_argument("--account", required=True, help="whose face it is")
    enrol.add_argument("--as", metavar="KEY", required=True, dest="device", help="a registered device's key")
    enrol.add_argument("--to", metavar="PUB", required=True, help="the server's .pub")
    enrol.add_argument("--server", metavar="URL", required=True, help="https://...; http on this computer alone")
    enrol.add_argument("--token-file", metavar="FILE", required=True, help="an operator's token is in this file")
    _add_password_file(enrol)


def _add_calibrate(commands: _Commands) -> None:
    calibrate = _add(
        commands,
        "calibrate",
        "measure how often a face matcher errs on a site's pictures, and the thresholds for the server",
        "sealframe calibrate people --fmr 1e-2 --model face.onnx --out shop.json",
    )
    calibrate.set_defaults(run=_application("sealframe.calibration.measurement", "server"))
    calibrate.add_argument("folder", metavar="FOLDER", help="a folder for each person, at least four pictures in each")
    calibrate.add_argument("--fmr", type=_rate, default=1e-2, help="the false match rate asked for (default: 0.01)")
    calibrate.add_argument("--model", metavar="MODEL", help=MODEL_HELP)
    calibrate.add_argument("--detector", default="cascade", help="cascade (default), centre, or MODULE:NAME of yours")
    calibrate.add_argument(
        "--out", metavar="FILE", default="calibration.json", help="thresholds; the plot goes beside it as .png"
    )
    calibrate.add_argument("--force", action="store_true", help="replace files that are there")
    calibrate.add_argument("--json", action="store_true", help="print JSON")


def _add_loadtest(commands: _Commands) -> None:
    loadtest = _add(
        commands,
        "loadtest",
        "measure a server on this computer: throughput, latency, stages, what a flood does, and whether the books hold",
        "sealframe loadtest --payments 400 --out loadtest.json",
    )
    loadtest.set_defaults(run=_application("sealframe.loadtest.command", "server"))
    loadtest.add_argument(
        "--payments", metavar="N", type=_positive, default=200, help="in each scenario, 20 to 4000 (default: 200)"
    )
    loadtest.add_argument(
        "--clients", metavar="N", type=_positive, default=16, help="who pay at once, up to 48 (default: 16)"
    )
    loadtest.add_argument(
        "--workers", metavar="N", type=_positive, default=1, help="server processes; several need PostgreSQL"
    )
    loadtest.add_argument(
        "--database", metavar="URL", help="an empty one, postgresql://... (default: SQLite in a folder of its own)"
    )
    loadtest.add_argument(
        "--folder", metavar="FOLDER", help="the disk to measure on (default: that of temporary files)"
    )
    loadtest.add_argument(
        "--only",
        choices=("one-by-one", "together", "twice", "flood", "commits"),
        action="append",
        help="this scenario alone; repeatable",
    )
    loadtest.add_argument(
        "--out", metavar="FILE", default="loadtest.json", help="what was measured; the picture goes beside it as .png"
    )
    loadtest.add_argument("--force", action="store_true", help="replace files that are there")
    loadtest.add_argument("--json", action="store_true", help="print JSON")


def _add_server_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    run.add_argument("--port", type=int, default=8700, help="port to listen on (default: %(default)s)")
    run.add_argument("--old-key", metavar="KEY", action="append", default=[], help="a former server key; repeatable")
    run.add_argument("--detector", default="cascade", help="cascade (default), centre, or MODULE:NAME of yours")
    run.add_argument("--liveness", metavar="MODULE:NAME", help="a liveness check of yours; called without arguments")
    run.add_argument(
        "--require-liveness", action="store_true", help="no payment without a passed liveness check; live implies it"
    )
    run.add_argument("--allow-remote-operators", action="store_true", help="take operator calls from other machines")


def _add_matcher(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        choices=("demo", "live"),
        default="demo",
        help="live wants a face model, its calibration and a liveness check",
    )
    parser.add_argument("--model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--calibration", metavar="FILE", help="thresholds measured for this model, site and camera")
    parser.add_argument("--fmr", type=_rate, default=1e-3, help="the false match rate to allow (default: %(default)s)")


def _add_keygen(commands: _Commands) -> None:
    keygen = _add(
        commands,
        "keygen",
        "make the keys of a server or of a device, or a key that both share",
        "sealframe keygen server --out server && sealframe keygen device --device-info POS-0001 --out pos",
    )
    owners = keygen.add_subparsers(title="whose", metavar="OWNER", dest="owner", required=True, parser_class=_Parser)
    server = _add_action(
        owners, "server", "NAME.key to open envelopes with, NAME.pub to seal to", "sealframe keygen server --out server"
    )
    device = _add_action(
        owners,
        "device",
        "NAME.key to sign with, NAME.pub for the server, NAME.counter",
        "sealframe keygen device --device-info POS-0001 --out pos",
    )
    shared = _add_action(
        owners, "shared", "NAME.key for both sides of a closed installation", "sealframe keygen shared --out site"
    )
    server.add_argument(
        "--suite", choices=("x-wing", "x25519"), default="x-wing", help="default: %(default)s, post-quantum"
    )
    for signer in (server, device):
        signer.add_argument("--sign", choices=SIGN_NAMES, default="ed25519", help="signature (default: %(default)s)")
    device.add_argument("--device-info", metavar="SERIAL", required=True, help="the device's serial, 1..96 bytes")
    for owner in (server, device, shared):
        owner.add_argument("--out", metavar="NAME", required=True, help="where the files go, without an ending")
        owner.add_argument("--password", action="store_true", help="ask for a password and encrypt NAME.key with it")
        owner.add_argument("--password-file", metavar="FILE", help="the key's password is the first line of this file")


def _add_key(commands: _Commands) -> None:
    key = _add(commands, "key", "show what a key file holds, never its secrets", "sealframe key show pos.key --json")
    actions = key.add_subparsers(title="action", metavar="ACTION", dest="action", required=True, parser_class=_Parser)
    show = _add_action(actions, "show", "print the public facts of a key file", "sealframe key show pos.key --json")
    show.add_argument("file", metavar="FILE", help="a .key or .pub file")
    show.add_argument("--json", action="store_true", help="print JSON")
    _add_password_file(show)


def _add_seal(commands: _Commands) -> None:
    seal = _add(
        commands,
        "seal",
        "seal a picture to a server as a device",
        "sealframe seal photo.jpg --to server.pub --as pos.key --out photo.seal",
    )
    seal.add_argument("image", metavar="IMAGE", help="a picture file, a folder, or - for standard input")
    seal.add_argument(
        "--to",
        metavar="PUB",
        required=True,
        action="append",
        help="a server's .pub or a shared key; repeat for several",
    )
    seal.add_argument(
        "--as",
        metavar="KEY",
        required=True,
        dest="device",
        help="the device's key; its counter lies beside it",
    )
    seal.add_argument("--data", metavar="FILE", help="up to 64 KiB to seal and sign with the picture; - is not taken")
    _add_reduction(seal)
    _add_jobs(seal)
    _add_out(seal, "the envelope")
    _add_password_file(seal)


def _add_open(commands: _Commands) -> None:
    open_ = _add(
        commands,
        "open",
        "open an envelope, check everything, and write the picture as it was",
        "sealframe open photo.seal --key server.key --from pos.pub --out photo.jpg",
    )
    open_.add_argument("envelope", metavar="FILE", help="an envelope, a folder of .seal files, or - for standard input")
    open_.add_argument(
        "--key",
        metavar="KEY",
        required=True,
        action="append",
        dest="keys",
        help="the server's key, or the shared one; repeatable while keys change",
    )
    open_.add_argument(
        "--from",
        metavar="PUB",
        required=True,
        action="append",
        dest="devices",
        help="a device to accept; repeatable",
    )
    open_.add_argument(
        "--live",
        metavar="STORE",
        help="refuse stale and replayed captures, remembered in this SQLite file (default: archive, which does not)",
    )
    open_.add_argument(
        "--allow-suite", choices=("x25519", "shared-key"), action="append", default=[], help="accept this suite too"
    )
    open_.add_argument("--data-out", metavar="FILE", help="write the sealed data here")
    open_.add_argument("--explain", action="store_true", help="print each check in its order, and its outcome")
    open_.add_argument("--json", action="store_true", help="print what was opened as JSON")
    _add_jobs(open_)
    _add_out(open_, "the picture")
    _add_password_file(open_)


def _add_inspect(commands: _Commands) -> None:
    inspect = _add(
        commands,
        "inspect",
        "show what anyone can see of an envelope; nothing of it is checked",
        "sealframe inspect photo.seal --json",
    )
    inspect.add_argument("envelope", metavar="FILE", help="the envelope; - for standard input")
    inspect.add_argument("--json", action="store_true", help="print JSON")


def _add_factor(commands: _Commands) -> None:
    factor = _add(
        commands,
        "factor",
        "compute a picture's image factor",
        "sealframe factor photo.jpg --json --plot factor.png",
    )
    factor.add_argument("image", metavar="IMAGE", help="a JPEG, PNG, TIFF, WebP or BMP file; - for standard input")
    _add_reduction(factor)
    factor.add_argument(
        "--noise-seed", metavar="HEX", help="32 bytes for --path vae to draw noise from (default: decode the mean)"
    )
    factor.add_argument("--json", action="store_true", help="print JSON")
    factor.add_argument("--plot", metavar="PNG", help="draw image, derived image, similarity map and rows")
    factor.add_argument("--force", action="store_true", help="overwrite the plot")


def _add_doctor(commands: _Commands) -> None:
    doctor = _add(
        commands,
        "doctor",
        "show versions, CPU kernels and networks, and test itself against golden factors",
        "sealframe doctor --json",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", metavar="N", type=_positive, default=1, help="processes for a folder (default: 1)")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1")
    return int(text)


def _rate(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < 1:
            return float(text)
    raise argparse.ArgumentTypeError("a rate between 0 and 1, as 0.001")


def _add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--out", metavar="FILE", required=True, help=f"where {what} goes; - for standard output")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def _add_reduction(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reduction",
        choices=("rows", "norm", "rank", "eigenvalue", "eigenvector"),
        default="rows",
        help="how the map is reduced (default: %(default)s)",
    )
    parser.add_argument(
        "--path",
        choices=("gan", "vae", "discriminator"),
        default="gan",
        help="which networks make the map (default: %(default)s)",
    )


def _add_no_browser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the page's address, open no browser"
    )


def _add_password_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="the password of protected keys is the first line of this file; those it does not open are asked for",
    )
