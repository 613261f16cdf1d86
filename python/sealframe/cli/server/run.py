"""`sealframe server run`: serve until told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_matcher, add_password_file, add_splice_rules, rate, splice_rules_of
from sealframe.cli.passwords import KeyPasswords
from sealframe.cli.server.options import add_home, add_old_vault_key, home_of, vault_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.server.payments.service import PaymentService

EXAMPLE = "sealframe server run --home bank --database postgresql://sealframe@db.example/bank"


def add_options(parser: ArgumentParser) -> None:
    """Home, faces, and where to listen."""
    add_home(parser)
    add_password_file(parser)
    add_old_vault_key(parser)
    parser.add_argument(
        "--mode",
        choices=("demo", "live"),
        default="demo",
        help="live needs --model, --calibration and --liveness (default: %(default)s)",
    )
    add_matcher(parser)
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="read thresholds measured by sealframe calibrate for this model, site and camera",
    )
    parser.add_argument(
        "--fmr", metavar="RATE", type=rate, default=1e-3, help="allow this false match rate (default: %(default)s)"
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="listen on this address (default: %(default)s)"
    )
    parser.add_argument(
        "--port", metavar="PORT", type=int, default=8700, help="listen on this port (default: %(default)s)"
    )
    parser.add_argument(
        "--old-key",
        metavar="KEY",
        action="append",
        default=[],
        help="a previous private key of the server, still needed by some terminals; may be repeated",
    )
    parser.add_argument(
        "--liveness", metavar="MODULE:NAME", help="use your own liveness check: a class without arguments"
    )
    parser.add_argument(
        "--require-liveness",
        action="store_true",
        help="refuse payments whose liveness check did not pass (always so with --mode live)",
    )
    parser.add_argument(
        "--allow-remote-operators", action="store_true", help="accept operator calls from other machines"
    )
    add_splice_rules(parser)


def run(options: Namespace) -> int:
    """Listen first, so that a taken port is told before networks are loaded."""
    from sealframe.server.serving import allow_connections, listen, serve

    allow_connections()
    with listen(options.host, options.port) as listener:
        service = _service(options)
        serve(
            service,
            listener,
            allow_remote_operators=options.allow_remote_operators,
            ready=lambda address: _announce(options, address, demo=service.faces.matcher.demo),
        )
    return 0


def _service(options: Namespace) -> PaymentService:
    from sealframe.keys import ServerKey
    from sealframe.server.assembly import FaceChoices, build_service
    from sealframe.server.home import database_failures_refused

    home, passwords = home_of(options), KeyPasswords(options.password_file)
    keys = [passwords.load(ServerKey.load, path) for path in (home.server_key, *options.old_key)]
    choices = FaceChoices(
        live=options.mode == "live",
        model=options.model,
        calibration=options.calibration,
        fmr=options.fmr,
        detector=options.detector,
        liveness=options.liveness,
        require_liveness=options.require_liveness,
    )
    splice_rules = splice_rules_of(options)
    with database_failures_refused():
        return build_service(keys, vault_of(options, home, passwords), home.open_database, choices, splice_rules)


def _announce(options: Namespace, address: str, *, demo: bool) -> None:
    from sealframe.faces.matchers import per_payment
    from sealframe.server.payments.limits import Limits

    warning = "; its face matcher is a demonstration, not for real payments" if demo else ""
    print(f"sealframe server on {address}, mode {options.mode}{warning}", flush=True)
    if options.calibration:
        print(
            f"At a false match rate of {options.fmr:.3%} a stranger passes one payment of"
            f" {Limits().mismatches_per_payment} tries with {per_payment(options.fmr):.3%}",
            flush=True,
        )
