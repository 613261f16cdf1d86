"""`sealframe server`: init, run, token, check, prune, rewrap."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from sealframe.cli.keys import Passwords as KeyPasswords
from sealframe.cli.streams import password_of
from sealframe.errors import KeyFileError, PolicyError
from sealframe.faces.detection import NoLiveness, RequireLiveness
from sealframe.faces.matchers import DEMO_THRESHOLDS, per_payment
from sealframe.faces.plugins import choose_detector, choose_liveness, choose_matcher
from sealframe.keys import ServerKey
from sealframe.server.http.json_logs import log_as_json
from sealframe.server.payments import administration
from sealframe.server.payments.invariants import broken_invariants
from sealframe.server.payments.passwords import Passwords
from sealframe.server.payments.service import PaymentService
from sealframe.server.payments.settlement import Limits
from sealframe.server.storage.database import Database
from sealframe.server.storage.tables import templates
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.thresholds import thresholds_at
from sealframe.server.verification.verifier import FaceVerifier, associated_data, sealed_in

if TYPE_CHECKING:
    import argparse

    from sealframe.faces.detection import LivenessCheck
    from sealframe.faces.matchers import Matcher, Thresholds

STOP_SECONDS = 20
BACKLOG = 2048


def run(arguments: argparse.Namespace) -> int:
    """Run one action. Raises PolicyError when the database fails in the middle; then nothing was changed."""
    try:
        return _ACTIONS[arguments.action](arguments)
    except DBAPIError as error:
        raise PolicyError(
            "The database refused; look at its disk, its rights, and whether another process holds it."
        ) from error


def init(arguments: argparse.Namespace) -> int:
    """Keys and an empty database; nothing that exists is touched."""
    home = Path(arguments.home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = [home / name for name in ("server.key", "server.pub", "vault.key")]
    for path in paths:
        if path.exists():
            raise KeyFileError(f"{path} exists already; choose another folder, keys are never overwritten.")
    password = password_of(arguments)
    key = ServerKey.generate()
    key.save(paths[0], password)
    key.public.save(paths[1])
    VaultKey.generate().save(paths[2], password)
    _open_database(arguments).close()
    print(f"{paths[0]}  private: opens captures, signs answers\n{paths[2]}  private: opens enrolled faces")
    print(f"{paths[1]}  public: give it to every terminal\nNext: sealframe server token --home {home} --name YOU")
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; what was begun is finished first."""
    import uvicorn

    from sealframe.server.http.app import build_app
    from sealframe.server.http.header_limits import HeaderLimitsProtocol

    _allow_connections()
    with listen(arguments.host, arguments.port) as listener:
        service = _build_service(arguments)
        log_as_json()
        app = build_app(service, allow_remote_operators=arguments.allow_remote_operators)
        config = uvicorn.Config(
            app,
            http=HeaderLimitsProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        for told_to_stop in (signal.SIGTERM, signal.SIGINT):
            # uvicorn stops at these, then raises them again; to have been told to stop is no failure
            signal.signal(told_to_stop, lambda *_: None)
        warning = "; its face matcher is a demonstration, not for real payments" if service.faces.matcher.demo else ""
        print(f"sealframe server on {_address_of(listener)}, mode {arguments.mode}{warning}", flush=True)
        if arguments.calibration:
            print(
                f"at a false match rate of {arguments.fmr:.3%} a stranger passes one payment of"
                f" {Limits().mismatches_per_payment} tries with {per_payment(arguments.fmr):.3%}",
                flush=True,
            )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _allow_connections() -> None:
    """As many open files as this process may have: connections that idle must not use up the usual 1,024."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises PolicyError when the address is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "a port is 0 to 65535"
        raise PolicyError(f"The server cannot listen on {host}, port {port}: {why}; choose another.") from None
    # what is accepted inherits it; asyncio sets it on sockets of its own making alone, and an answer would wait 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def token(arguments: argparse.Namespace) -> int:
    """Print a new token, once; or revoke an operator's tokens."""
    database = _open_database(arguments)
    with database.transaction() as connection:
        if arguments.revoke:
            administration.revoke_tokens(connection, arguments.name, _now())
        else:
            print(administration.create_token(connection, arguments.name, _now()))
    database.close()
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Exit 1 when an invariant does not hold."""
    database = _open_database(arguments)
    with database.reading() as connection:
        broken = broken_invariants(connection)
    database.close()
    if arguments.json:
        print(json.dumps({"sound": not broken, "broken": broken}))
    else:
        print("\n".join(broken) or "The ledger is sound.")
    return 1 if broken else 0


def prune(arguments: argparse.Namespace) -> int:
    """Forget attempts older than so many days."""
    if arguments.days < 1:
        raise PolicyError("Keep at least one day: terminals may still ask for its answers.")
    database = _open_database(arguments)
    with database.transaction() as connection:
        forgotten = administration.prune_attempts(
            connection, "console", _now(), _now() - arguments.days * administration.DAY_MS
        )
    database.close()
    print(f"{forgotten} attempts forgotten")
    return 0


def rewrap(arguments: argparse.Namespace) -> int:
    """Wrap every template's key with the newest vault key, so that older ones can be destroyed."""
    database, vault = _open_database(arguments), _open_vault(arguments)
    with database.transaction() as connection:
        administration.know_vault_key(connection, _now(), vault.newest_key_id)
        rows = connection.execute(
            select(templates).where(templates.c.revoked_at.is_(None), templates.c.vault_key != vault.newest_key_id)
        ).all()
        for row in rows:
            renewed = vault.rewrap(sealed_in(row), associated_data(row.account, row.matcher, row.model_sha256))
            chosen = update(templates).where(templates.c.template_id == row.template_id)
            connection.execute(chosen.values(**renewed._asdict()))
    database.close()
    print(f"{len(rows)} templates wrapped anew")
    return 0


_ACTIONS = {"init": init, "run": serve, "token": token, "check": check, "prune": prune, "rewrap": rewrap}


def _build_service(arguments: argparse.Namespace) -> PaymentService:
    passwords = KeyPasswords(arguments)
    paths = (Path(arguments.home) / "server.key", *arguments.old_key)
    server = [passwords.load(ServerKey.load, path) for path in paths]
    matcher, thresholds = _matcher(arguments)
    faces = FaceVerifier(
        vault=_open_vault(arguments),
        matcher=matcher,
        thresholds=thresholds,
        detector=choose_detector(arguments.detector),
        liveness=_liveness(arguments),
    )
    return PaymentService(server, _open_database(arguments), faces, Passwords())


def _open_vault(arguments: argparse.Namespace) -> Vault:
    passwords = KeyPasswords(arguments)
    paths = (Path(arguments.home) / "vault.key", *arguments.old_vault_key)
    return Vault([passwords.load(VaultKey.load, path) for path in paths])


def _matcher(arguments: argparse.Namespace) -> tuple[Matcher, Thresholds]:
    matcher = choose_matcher(arguments.model)
    if matcher.demo and arguments.mode == "live":
        raise PolicyError("The demo matcher does not serve live payments; give a face model with --model.")
    if matcher.demo and not arguments.calibration:
        return matcher, DEMO_THRESHOLDS
    if not arguments.calibration:
        raise PolicyError("A face model needs its measured thresholds; give them with --calibration.")
    return matcher, thresholds_at(arguments.calibration, matcher, arguments.fmr)


def _liveness(arguments: argparse.Namespace) -> LivenessCheck:
    required = arguments.require_liveness or arguments.mode == "live"
    if arguments.liveness is None:
        if required:
            raise PolicyError("A liveness check is required, but none is given; name it with --liveness.")
        return NoLiveness()
    check = choose_liveness(arguments.liveness)
    return RequireLiveness(check) if required else check


def _open_database(arguments: argparse.Namespace) -> Database:
    database = Database(arguments.database or f"sqlite:///{Path(arguments.home).resolve() / 'ledger.db'}")
    database.migrate()
    return database


def _now() -> int:
    return int(time.time() * 1000)
