"""`sealframe terminal`: take payments until told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.options import add_password_file, add_screen, add_server_connection, add_splice_rule, splice_rule_of
from sealframe.cli.passwords import KeyPasswords, load_server
from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.launch import Screen, TerminalKeys
    from sealframe.terminal.payment_controller import PaymentController

EXAMPLE = "sealframe terminal --as pos.key --to server.pub --server https://bank.example --payee shop --source 0"


def add_options(parser: ArgumentParser) -> None:
    """Keys, server, payee, camera and screen."""
    from sealframe.terminal.screen.texts import LANGUAGES

    parser.add_argument(
        "--as",
        metavar="KEY",
        required=True,
        dest="device",
        help="the device's private key (pos.key); its .counter file must be in the same folder",
    )
    add_server_connection(parser)
    parser.add_argument("--payee", metavar="ACCOUNT", required=True, help="the account that receives the payments")
    parser.add_argument(
        "--currency", metavar="CODE", default="EUR", help="the ISO 4217 code of the currency (default: %(default)s)"
    )
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        default="0",
        help="a camera's number, browser, a video, a folder or a pattern face_%%03d.png (default: %(default)s)",
    )
    parser.add_argument(
        "--journal",
        metavar="FOLDER",
        type=Path,
        help="keep unfinished payments in FOLDER (default: the key's path with .journal)",
    )
    add_splice_rule(parser)
    add_screen(parser, "the")
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=int,
        default=0,
        help="serve the page on this port of 127.0.0.1 (default: any free port)",
    )
    parser.add_argument("--test", action="store_true", help="show TEST on every screen: no real money moves")
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="show the screen in this language (default: %(default)s)"
    )
    parser.add_argument(
        "--trace", metavar="PNG", help="at the end, print the time spent in each stage and draw it to PNG"
    )
    add_password_file(parser)


def run(options: Namespace) -> int:
    """Ctrl-C and SIGTERM release the camera and leave the journal whole."""
    from sealframe.terminal import launch
    from sealframe.terminal.camera.source import BROWSER, source_of
    from sealframe.terminal.latency import Latency
    from sealframe.terminal.latency_plot import report

    launch.require_payable(options.payee, options.currency)
    if options.ui == "text" and options.source == BROWSER:
        raise PolicyError("--source browser needs the web page; remove --ui text, or choose another --source.")
    launch.silence_opencv()
    latency, keys, source = Latency(), _keys(options), source_of(options.source)
    with launch.open_cashier(keys, options.server, source, latency) as controller:
        try:
            launch.serve(controller, _screen(options, controller, source))
        finally:  # Ctrl-C is how a terminal ends
            if options.trace:
                print(report(latency, Path(options.trace)))
    return 0


def _keys(options: Namespace) -> TerminalKeys:
    from sealframe.terminal.launch import TerminalKeys

    key = Path(options.device)
    return TerminalKeys(
        device=KeyPasswords(options.password_file).load_device(key),
        server=load_server(options.to),
        counter=key.with_suffix(".counter"),
        journal=options.journal or key.with_suffix(".journal"),
        splice_rule=splice_rule_of(options),
    )


def _screen(options: Namespace, controller: PaymentController, source: Source) -> Screen:
    from sealframe.terminal.launch import page_screen, text_screen
    from sealframe.terminal.screen.page import Shop

    shop = Shop(options.payee, options.currency, options.language, is_test=options.test)
    if options.ui == "text":
        return text_screen(controller, shop)
    return page_screen(controller, source, shop, port=options.port, opens_browser=options.browser)
