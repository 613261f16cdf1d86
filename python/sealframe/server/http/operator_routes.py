"""What operators ask for over HTTP: accounts, faces, devices, money back. Each call needs a token."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sealframe.payment_protocol import ENVELOPES_TYPE, split_envelopes
from sealframe.server.http import operator_models as models
from sealframe.server.http.problems import BODY_ERRORS, OPERATOR_ERRORS, TransportError
from sealframe.server.http.request_bodies import described_body, read_body
from sealframe.server.payments import administration, operator_tokens, operator_transfers
from sealframe.server.payments.service import MAX_ENVELOPE_BYTES, PaymentService
from sealframe.server.storage.device_records import device_from_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sealframe.server.http.thread_pools import Pools

T = TypeVar("T")

_MAX_ENROLMENT_BYTES = 8 * MAX_ENVELOPE_BYTES
_SHARED: dict[str, Any] = {"tags": ["operators"], "responses": OPERATOR_ERRORS}

_bearer = HTTPBearer(auto_error=False, description="An operator's token.")


class OperatorGate:
    """Lets a request through that has an operator's token, and comes from this machine unless allowed.

    Parameters
    ----------
    service : PaymentService
        Whose tokens are valid.
    allow_remote : bool
        Whether requests may come from other machines.

    """

    def __init__(self, service: PaymentService, *, allow_remote: bool) -> None:
        self._service = service
        self._allow_remote = allow_remote

    async def __call__(
        self, request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        """Who asks, for the audit. Raises TransportError for who may not."""
        if not self._allow_remote and not _is_local(request):
            raise TransportError(
                403,
                "forbidden",
                "Operator calls are accepted only from the server's own machine; "
                "start the server with --allow-remote-operators.",
            )
        name = await asyncio.to_thread(self._name_of, token.credentials) if token else None
        if name is None:
            raise TransportError(
                401,
                "unauthorized",
                "The operator's token is missing or not valid; send Authorization: Bearer TOKEN.",
            )
        return f"operator:{name}"

    def _name_of(self, token: str) -> str | None:
        with self._service.database.reading() as connection:
            return operator_tokens.operator_of(connection, token)


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def add_operator_calls(app: FastAPI, service: PaymentService, pools: Pools, gate: OperatorGate) -> None:
    """Add the calls, each behind the gate."""
    store, actor_of = _Store(service), Depends(gate)
    _add_accounts(app, store, pools, actor_of)
    _add_templates(app, store, pools, actor_of)
    _add_devices(app, store, actor_of)
    _add_payments(app, store, actor_of)


class _Store:
    """The service's database, for those who must not block the event loop."""

    def __init__(self, service: PaymentService) -> None:
        self.service = service

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.service.writer.submit(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self.service.database.reading() as connection:
                return work(connection)

        return await asyncio.to_thread(run)


def _add_accounts(app: FastAPI, store: _Store, pools: Pools, actor_of: Any) -> None:
    @app.post("/v1/accounts", status_code=201, **_SHARED)
    async def open_account(body: models.NewAccount, actor: str = actor_of) -> models.Named:
        """Open an account with nothing on it."""
        fields = body.model_dump()
        await store.write(
            lambda connection: administration.create_account(connection, actor, store.service.now(), **fields)
        )
        return models.Named(id=body.account)

    @app.get("/v1/accounts/{account}", **_SHARED)
    async def show_account(account: models.AccountPath, actor: str = actor_of) -> models.AccountFacts:  # noqa: ARG001
        """An account, its balance and its templates."""
        return models.AccountFacts(
            **await store.read(lambda connection: administration.account_facts(connection, account))
        )

    @app.post("/v1/accounts/{account}/deposits", status_code=204, **_SHARED)
    async def pay_in(account: models.AccountPath, body: models.Deposit, actor: str = actor_of) -> None:
        """Put money from outside on an account."""
        fields = {"account": account, **body.model_dump()}
        await store.write(
            lambda connection: operator_transfers.deposit(connection, actor, store.service.now(), **fields)
        )

    @app.put("/v1/accounts/{account}/password", status_code=204, **_SHARED)
    async def set_password(account: models.AccountPath, body: models.NewPassword, actor: str = actor_of) -> None:
        """Set an account's password."""
        loop = asyncio.get_running_loop()
        hashed = await loop.run_in_executor(pools.passwords, store.service.passwords.hash, body.password)
        await store.write(
            lambda connection: administration.set_password(connection, actor, store.service.now(), account, hashed)
        )


def _add_templates(app: FastAPI, store: _Store, pools: Pools, actor_of: Any) -> None:
    async def enrol(account: models.AccountPath, request: Request, actor: str = actor_of) -> models.Named:
        body = await read_body(request, {ENVELOPES_TYPE}, _MAX_ENROLMENT_BYTES)
        loop = asyncio.get_running_loop()
        envelopes = split_envelopes(body)
        return models.Named(
            id=await loop.run_in_executor(pools.networks, store.service.enrol, account, envelopes, actor)
        )

    app.add_api_route(
        "/v1/accounts/{account}/templates",
        enrol,
        methods=["POST"],
        status_code=201,
        summary="Enrol a face",
        description="At least three envelopes sealed for this enrolment, each after its length (4 bytes, big-endian).",
        openapi_extra=described_body(ENVELOPES_TYPE, "Lengths and envelopes in turn."),
        tags=["operators"],
        responses={**OPERATOR_ERRORS, **BODY_ERRORS},
    )

    @app.delete("/v1/templates/{template_id}", status_code=204, **_SHARED)
    async def revoke_template(template_id: models.KeyIdPath, actor: str = actor_of) -> None:
        """Take a template out of use and delete it."""
        await store.write(
            lambda connection: administration.revoke_template(connection, actor, store.service.now(), template_id)
        )


def _add_devices(app: FastAPI, store: _Store, actor_of: Any) -> None:
    @app.post("/v1/devices", status_code=201, **_SHARED)
    async def register_device(body: models.NewDevice, actor: str = actor_of) -> models.Named:
        """Let a device in, by the content of its .pub file."""
        device = device_from_record(body.record)
        return models.Named(
            id=await store.write(
                lambda connection: administration.register_device(
                    connection, actor, store.service.now(), device, body.record
                )
            )
        )

    @app.get("/v1/devices/{key_id}", **_SHARED)
    async def show_device(key_id: models.KeyIdPath, actor: str = actor_of) -> models.DeviceFacts:  # noqa: ARG001
        """A device as it stands."""
        return models.DeviceFacts(
            **await store.read(lambda connection: administration.device_facts(connection, key_id))
        )

    @app.delete("/v1/devices/{key_id}", status_code=204, **_SHARED)
    async def revoke_device(key_id: models.KeyIdPath, actor: str = actor_of) -> None:
        """Take a device out of service for good."""
        await store.write(
            lambda connection: administration.revoke_device(connection, actor, store.service.now(), key_id)
        )


def _add_payments(app: FastAPI, store: _Store, actor_of: Any) -> None:
    @app.get("/v1/payments/{payment_id}", **_SHARED)
    async def show_payment(
        payment_id: models.PaymentPath,
        actor: str = actor_of,  # noqa: ARG001
    ) -> models.PaymentFacts:
        """A payment as it stands."""
        return models.PaymentFacts(
            **await store.read(lambda connection: administration.payment_facts(connection, payment_id))
        )

    @app.post("/v1/payments/{payment_id}/refunds", status_code=204, **_SHARED)
    async def refund(payment_id: models.PaymentPath, body: models.Refund, actor: str = actor_of) -> None:
        """Give back all or part of a payment."""
        fields = {"payment_id": payment_id, **body.model_dump()}
        await store.write(
            lambda connection: operator_transfers.refund(connection, actor, store.service.now(), **fields)
        )
