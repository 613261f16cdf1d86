"""`sealframe enrol`: a face from a camera or from pictures, sealed frame by frame, to the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli.options import add_password_file, add_server_connection
from sealframe.cli.passwords import KeyPasswords, load_server

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe enrol ann --account ann --as pos.key --to bank.pub --server https://bank.example --token-file olga"


def add_options(parser: ArgumentParser) -> None:
    """Whose face, from where, and to which server by whom."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="+",
        help="a camera's number, a folder of pictures, or at least three picture files",
    )
    parser.add_argument("--account", metavar="ACCOUNT", required=True, help="the account of the person in the pictures")
    parser.add_argument(
        "--as", metavar="KEY", required=True, dest="device", help="the private key of a registered device (pos.key)"
    )
    add_server_connection(parser)
    parser.add_argument(
        "--token-file", metavar="FILE", required=True, type=Path, help="read the operator's token from FILE"
    )
    add_password_file(parser)


def run(options: Namespace) -> int:
    """Enrol, and print the template's id."""
    from sealframe.terminal.enrolment import EnrolmentSender, token_in

    token, key = token_in(options.token_file), Path(options.device)
    device = KeyPasswords(options.password_file).load_device(key)
    counter = sf.CounterFile(key.with_suffix(".counter"))
    enrolment = EnrolmentSender(options.account, sf.Sealer(to=load_server(options.to), device=device, counter=counter))
    if len(options.source) == 1 and options.source[0].isdecimal():
        enrolment.take_camera(int(options.source[0]), lambda line: print(line, flush=True))
    else:
        enrolment.take_pictures([Path(source) for source in options.source])
    print(enrolment.send(options.server, token))
    return 0
