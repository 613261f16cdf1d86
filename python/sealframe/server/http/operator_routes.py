"""What operators ask for over HTTP: accounts, faces, devices, money back. Each call needs a token (A61)."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from sealframe.currencies import EXPONENTS
from sealframe.payment_protocol import ENVELOPES_TYPE, MAX_AMOUNT, split_envelopes
from sealframe.server.http.problems import BODY_ERRORS, OPERATOR_ERRORS, TransportError
from sealframe.server.http.request_bodies import described_body, read_body
from sealframe.server.payments import administration
from sealframe.server.payments.service import MAX_ENVELOPE_BYTES, PaymentService
from sealframe.server.storage.device_records import device_from_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sealframe.server.http.thread_pools import Pools

T = TypeVar("T")

_MAX_ENROLMENT_BYTES = 8 * MAX_ENVELOPE_BYTES

_bearer = HTTPBearer(auto_error=False, description="An operator's token.")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Account = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$")]
_PaymentId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
_Amount = Annotated[int, Field(gt=0, le=MAX_AMOUNT)]
_Currency = Annotated[str, Field(pattern=f"^({'|'.join(sorted(EXPONENTS))})$")]
_KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_AccountPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$")]
_PaymentPath = Annotated[str, Path(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]


class NewAccount(_Strict):
    """An account to open."""

    account: _Account
    name: str = Field(min_length=1, max_length=128)
    currency: _Currency = Field(description="A code of ISO 4217 with an exponent.")
    floor: int = Field(default=0, ge=-MAX_AMOUNT, le=0, description="How low the balance may go.")
    payment_limit: int = Field(default=MAX_AMOUNT, gt=0, le=MAX_AMOUNT)


class AccountFacts(NewAccount):
    """An account as it stands."""

    balance: int
    created_at: int
    templates: list[str] = Field(description="The ids of its current templates.")


class Deposit(_Strict):
    """Money from outside; the same payment_id deposits once."""

    payment_id: _PaymentId
    amount: _Amount


class Refund(_Strict):
    """Money back; the same refund_id refunds once."""

    refund_id: _PaymentId
    amount: _Amount


class NewPassword(_Strict):
    """A password to set."""

    password: str = Field(min_length=1, max_length=128)


class NewDevice(_Strict):
    """The content of a device's .pub file."""

    record: str = Field(min_length=1, max_length=65536)


class DeviceFacts(BaseModel):
    """A device as it stands."""

    device: str
    serial: str
    sign_version: int
    status: str
    last_counter: str | None = Field(description="Of the last capture that counted, in 20 digits.")
    created_at: int


class Named(BaseModel):
    """The id of what was made."""

    id: str


class PaymentFacts(BaseModel):
    """A payment as it stands."""

    payment_id: str
    account: str
    payee: str
    amount: int
    currency: str
    device: str | None
    state: str
    method: str | None
    mismatches: int
    refunded: int
    created_at: int
    closed_at: int | None


class OperatorGate:
    """Lets a request through that has an operator's token, and comes from this machine unless allowed (A61)."""

    def __init__(self, service: PaymentService, *, allow_remote: bool) -> None:
        self._service = service
        self._allow_remote = allow_remote

    async def __call__(
        self, request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        """Who asks, for the audit."""
        if not self._allow_remote and not _is_local(request):
            raise TransportError(403, "forbidden", "Operator calls are taken from this machine alone.")
        name = await asyncio.to_thread(self._name_of, token.credentials) if token else None
        if name is None:
            raise TransportError(401, "unauthorized", "Give a valid operator's token.")
        return f"operator:{name}"

    def _name_of(self, token: str) -> str | None:
        with self._service.database.reading() as connection:
            return administration.operator_of(connection, token)


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def add_operator_calls(app: FastAPI, service: PaymentService, pools: Pools, gate: OperatorGate) -> None:
    """Add the calls, each behind the gate."""
    actor_of = Depends(gate)
    shared: dict[str, Any] = {"tags": ["operators"], "responses": OPERATOR_ERRORS}

    async def write(work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(service.writer.submit(work))

    async def read(work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with service.database.reading() as connection:
                return work(connection)

        return await asyncio.to_thread(run)

    @app.post("/v1/accounts", status_code=201, **shared)
    async def open_account(body: NewAccount, actor: str = actor_of) -> Named:
        """Open an account with nothing on it."""
        fields = body.model_dump()
        await write(lambda connection: administration.create_account(connection, actor, service.now(), **fields))
        return Named(id=body.account)

    @app.get("/v1/accounts/{account}", **shared)
    async def show_account(account: _AccountPath, actor: str = actor_of) -> AccountFacts:  # noqa: ARG001
        """An account, its balance and its templates."""
        return AccountFacts(**await read(lambda connection: administration.account_facts(connection, account)))

    @app.post("/v1/accounts/{account}/deposits", status_code=204, **shared)
    async def pay_in(account: _AccountPath, body: Deposit, actor: str = actor_of) -> None:
        """Put money from outside on an account."""
        fields = {"account": account, **body.model_dump()}
        await write(lambda connection: administration.deposit(connection, actor, service.now(), **fields))

    @app.put("/v1/accounts/{account}/password", status_code=204, **shared)
    async def set_password(account: _AccountPath, body: NewPassword, actor: str = actor_of) -> None:
        """Set an account's password."""
        loop = asyncio.get_running_loop()
        hashed = await loop.run_in_executor(pools.passwords, service.passwords.hash, body.password)
        await write(lambda connection: administration.set_password(connection, actor, service.now(), account, hashed))

    async def enrol(account: _AccountPath, request: Request, actor: str = actor_of) -> Named:
        body = await read_body(request, {ENVELOPES_TYPE}, _MAX_ENROLMENT_BYTES)
        loop = asyncio.get_running_loop()
        envelopes = split_envelopes(body)
        return Named(id=await loop.run_in_executor(pools.networks, service.enrol, account, envelopes, actor))

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

    @app.delete("/v1/templates/{template_id}", status_code=204, **shared)
    async def revoke_template(template_id: _KeyId, actor: str = actor_of) -> None:
        """Take a template out of use and delete it."""
        await write(lambda connection: administration.revoke_template(connection, actor, service.now(), template_id))

    @app.post("/v1/devices", status_code=201, **shared)
    async def register_device(body: NewDevice, actor: str = actor_of) -> Named:
        """Let a device in, by the content of its .pub file."""
        device = device_from_record(body.record)
        return Named(
            id=await write(
                lambda connection: administration.register_device(connection, actor, service.now(), device, body.record)
            )
        )

    @app.get("/v1/devices/{key_id}", **shared)
    async def show_device(key_id: _KeyId, actor: str = actor_of) -> DeviceFacts:  # noqa: ARG001
        """A device as it stands."""
        return DeviceFacts(**await read(lambda connection: administration.device_facts(connection, key_id)))

    @app.delete("/v1/devices/{key_id}", status_code=204, **shared)
    async def revoke_device(key_id: _KeyId, actor: str = actor_of) -> None:
        """Take a device out of service for good."""
        await write(lambda connection: administration.revoke_device(connection, actor, service.now(), key_id))

    @app.get("/v1/payments/{payment_id}", **shared)
    async def show_payment(payment_id: _PaymentPath, actor: str = actor_of) -> PaymentFacts:  # noqa: ARG001
        """A payment as it stands."""
        return PaymentFacts(**await read(lambda connection: administration.payment_facts(connection, payment_id)))

    @app.post("/v1/payments/{payment_id}/refunds", status_code=204, **shared)
    async def refund(payment_id: _PaymentPath, body: Refund, actor: str = actor_of) -> None:
        """Give back all or part of a payment."""
        fields = {"payment_id": payment_id, **body.model_dump()}
        await write(lambda connection: administration.refund(connection, actor, service.now(), **fields))
