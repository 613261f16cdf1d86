"""What operators send and get, as JSON; every field is checked, and an unknown one is refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from sealframe.currencies import EXPONENTS
from sealframe.payment_protocol import ACCOUNT_NAME, MAX_AMOUNT, PAYMENT_ID

_ACCOUNT = f"^{ACCOUNT_NAME.pattern}$"
_PAYMENT_ID = f"^{PAYMENT_ID.pattern}$"

Account = Annotated[str, Field(pattern=_ACCOUNT)]
PaymentId = Annotated[str, Field(pattern=_PAYMENT_ID)]
Amount = Annotated[int, Field(gt=0, le=MAX_AMOUNT)]
Currency = Annotated[str, Field(pattern=f"^({'|'.join(sorted(EXPONENTS))})$")]
AccountPath = Annotated[str, Path(pattern=_ACCOUNT)]
PaymentPath = Annotated[str, Path(pattern=_PAYMENT_ID)]
KeyIdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewAccount(_Strict):
    """An account to open."""

    account: Account
    name: str = Field(min_length=1, max_length=128)
    currency: Currency = Field(description="An ISO 4217 code with a smallest unit.")
    minimum_balance: int = Field(default=0, ge=-MAX_AMOUNT, le=0, description="The lowest balance that is allowed.")
    payment_limit: int = Field(default=MAX_AMOUNT, gt=0, le=MAX_AMOUNT)


class AccountFacts(NewAccount):
    """An account as it stands."""

    balance: int
    created_at: int
    templates: list[str] = Field(description="The ids of its current templates.")


class Deposit(_Strict):
    """Money from outside; the same payment_id deposits once."""

    payment_id: PaymentId
    amount: Amount


class Refund(_Strict):
    """Money back; the same refund_id refunds once."""

    refund_id: PaymentId
    amount: Amount


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
    last_counter: str | None = Field(description="The counter of the last accepted capture, in 20 digits.")
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
