"""What terminals and servers say to each other about a payment: requests, answers, and the closed list of codes.

A request travels as an envelope's `data`, sealed and signed with the picture; an answer is the body of the server's
signed answer. Both are small JSON objects with every field spelled out; unknown, missing or doubled fields are refused.
"""

from __future__ import annotations

import json
import re
import secrets
import struct
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sealframe.errors import MalformedEnvelope, UnsupportedEnvelope
from sealframe.money import require_currency

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
MAX_REQUEST_BYTES = 4096
MAX_AMOUNT = 10**15
MAX_PASSWORD_CHARACTERS = 128
ENVELOPE_TYPE = "application/vnd.sealframe.envelope"
ENVELOPES_TYPE = "application/vnd.sealframe.envelopes"
ANSWER_TYPE = "application/vnd.sealframe.answer"

PAYMENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ACCOUNT_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
_LENGTH = struct.Struct(">I")


class Action(StrEnum):
    """What a terminal asks for."""

    PAY = "pay"
    PASSWORD = "password"  # noqa: S105  (an action)
    CANCEL = "cancel"
    STATUS = "status"
    ENROL = "enrol"


class Retry(StrEnum):
    """What a terminal does after an answer: capture again by itself, ask the person, or stop."""

    AUTO = "auto"
    ASK = "ask"
    NO = "no"


class Code(StrEnum):
    """How a request ended: the closed list."""

    PAID = "paid"
    OPEN = "open"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    ALREADY_PAID = "already_paid"
    UNKNOWN_PAYMENT = "unknown_payment"
    NO_FACE = "no_face"
    MULTIPLE_FACES = "multiple_faces"
    LOW_QUALITY = "low_quality"
    SERVER_BUSY = "server_busy"
    FACE_MISMATCH = "face_mismatch"
    SPOOF_SUSPECTED = "spoof_suspected"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  (a code)
    INSUFFICIENT_FUNDS = "insufficient_funds"
    FACE_LOCKED = "face_locked"
    PASSWORD_LOCKED = "password_locked"  # noqa: S105  (a code)
    LIMIT_EXCEEDED = "limit_exceeded"
    UNKNOWN_DEVICE = "unknown_device"
    DEVICE_REVOKED = "device_revoked"
    REJECTED = "rejected"
    STALE_COUNTER = "stale_counter"
    CLOCK_SKEW = "clock_skew"
    VERSION_UNSUPPORTED = "version_unsupported"
    TOO_LARGE = "too_large"

    @property
    def retry(self) -> Retry:
        """What the terminal does next."""
        return _MEANINGS[self][0]

    @property
    def message(self) -> str:
        """One sentence for the person at the terminal."""
        return _MEANINGS[self][1]


_MEANINGS: dict[Code, tuple[Retry, str]] = {
    Code.PAID: (Retry.NO, "Paid."),
    Code.OPEN: (Retry.ASK, "The payment is open; nothing was charged."),
    Code.CANCELLED: (Retry.NO, "The payment is cancelled; nothing was charged."),
    Code.EXPIRED: (Retry.NO, "The payment has expired; enter the amount again."),
    Code.ALREADY_PAID: (Retry.NO, "This payment was made before; do not pay again."),
    Code.UNKNOWN_PAYMENT: (Retry.NO, "The server knows no such payment; nothing was charged."),
    Code.NO_FACE: (Retry.AUTO, "No face is in the picture; look into the camera."),
    Code.MULTIPLE_FACES: (Retry.AUTO, "Several faces are in the picture; stand alone in front of the camera."),
    Code.LOW_QUALITY: (Retry.AUTO, "The picture is too dark, too bright or too flat; turn to the light."),
    Code.SERVER_BUSY: (Retry.AUTO, "The server is busy; the terminal tries again."),
    Code.FACE_MISMATCH: (Retry.ASK, "The face does not match the account; try again or use the password."),
    Code.SPOOF_SUSPECTED: (Retry.ASK, "The picture may not show a living person; try again or use the password."),
    Code.WRONG_PASSWORD: (Retry.ASK, "The password does not match the account; try again."),
    Code.INSUFFICIENT_FUNDS: (Retry.NO, "The balance of the account is too low; nothing was charged."),
    Code.FACE_LOCKED: (Retry.NO, "Too many face attempts failed; use the password."),
    Code.PASSWORD_LOCKED: (Retry.NO, "Too many password attempts failed; wait, or ask the operator."),
    Code.LIMIT_EXCEEDED: (Retry.NO, "The amount is above the account's limit for one payment."),
    Code.UNKNOWN_DEVICE: (Retry.NO, "The server does not know this terminal; ask the operator to register it."),
    Code.DEVICE_REVOKED: (Retry.NO, "This terminal was taken out of service; ask the operator."),
    Code.REJECTED: (Retry.NO, "The request was rejected; nothing was charged."),
    Code.STALE_COUNTER: (Retry.NO, "This capture or a later one was already used; capture again."),
    Code.CLOCK_SKEW: (Retry.NO, "The terminal's clock differs from the server's; set the clock and capture again."),
    Code.VERSION_UNSUPPORTED: (Retry.NO, "The server does not know this version of the format; update the server."),
    Code.TOO_LARGE: (Retry.NO, "The request is too large; send a smaller picture."),
}


class PaymentState(StrEnum):
    """Where a payment stands; everything but open is final."""

    OPEN = "open"
    POSTED = "posted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """One payment as its terminal asks for it: the same five terms in every request about it.

    amount: positive integer of the currency's smallest unit, up to 10^15. currency: a code of ISO 4217 with an
    exponent. account: whom the person claims to be. password: for `Action.PASSWORD` alone. Raises ValueError for
    anything else.
    """

    action: Action
    payment_id: str
    payee: str
    amount: int
    currency: str
    account: str
    password: str | None = None

    def __post_init__(self) -> None:
        if self.action is Action.ENROL:
            raise ValueError("an enrolment is not a payment; use EnrolmentRequest")
        _require(PAYMENT_ID, self.payment_id, "payment_id must be a UUID of version 7 in lower case")
        _require(ACCOUNT_NAME, self.payee, "payee must be 1 to 64 letters, digits and . _ : -")
        _require(ACCOUNT_NAME, self.account, "account must be 1 to 64 letters, digits and . _ : -")
        require_currency(self.currency)
        if self.payee == self.account:
            raise ValueError("payee and account must differ")
        if type(self.amount) is not int or not 0 < self.amount <= MAX_AMOUNT:
            raise ValueError(f"amount must be an integer from 1 to {MAX_AMOUNT}")
        _require_password(self.action, self.password)

    def __repr__(self) -> str:
        return f"<PaymentRequest {self.action} {self.payment_id}>"

    def encode(self) -> bytes:
        """The bytes for an envelope's `data`."""
        return _to_json({"v": VERSION, **_fields_of(self)})


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """A picture of an account's owner, taken to be enrolled."""

    account: str

    def __post_init__(self) -> None:
        _require(ACCOUNT_NAME, self.account, "account must be 1 to 64 letters, digits and . _ : -")

    def encode(self) -> bytes:
        """The bytes for an envelope's `data`."""
        return _to_json({"v": VERSION, "action": Action.ENROL, "account": self.account})


def parse_request(data: bytes) -> PaymentRequest | EnrolmentRequest:
    """Read an envelope's `data`.

    Raises UnsupportedEnvelope for another version, MalformedEnvelope unless `encode` could have written these fields.
    """
    try:
        if len(data) > MAX_REQUEST_BYTES:
            raise ValueError("too long")
        fields = json.loads(data.decode("utf-8"), object_pairs_hook=_without_doubles)
        version = fields.pop("v")
        if type(version) is not int:
            raise ValueError("no version")
        if version != VERSION:
            raise UnsupportedEnvelope("The payment request has an unknown version; update the server.")
        action = Action(fields.pop("action"))
        return EnrolmentRequest(**fields) if action is Action.ENROL else PaymentRequest(action, **fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MalformedEnvelope(
            "The sealed data is not a payment request; seal the bytes of PaymentRequest.encode()."
        ) from None


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """What the server says. The payment's fields are empty where it says nothing of a payment.

    message_digest: SHA-256 of the sealed bytes, hexadecimal. request_id: names the request in the server's log.
    attempts_left: faces or passwords that may still be tried. server_time: Unix milliseconds.
    """

    code: Code
    message_digest: str
    server_time: int
    attempts_left: int | None = None
    payment_id: str | None = None
    state: PaymentState | None = None
    payee: str | None = None
    amount: int | None = None
    currency: str | None = None
    reference: str | None = None

    @property
    def request_id(self) -> str:
        """The name of this request in logs and conversations."""
        return request_id(self.message_digest)

    def encode(self) -> bytes:
        """The body of the signed answer."""
        said = {"v": VERSION, "message": self.code.message, "retry": self.code.retry, "request_id": self.request_id}
        return _to_json({**_fields_of(self), **said})

    @classmethod
    def decode(cls, body: bytes) -> PaymentAnswer:
        """Read the body of an answer. Raises MalformedEnvelope when it is none."""
        try:
            fields = json.loads(body.decode("utf-8"), object_pairs_hook=_without_doubles)
            for said in ("v", "message", "retry", "request_id"):
                del fields[said]
            state = fields.pop("state")
            return cls(code=Code(fields.pop("code")), state=PaymentState(state) if state else None, **fields)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise MalformedEnvelope("The answer's body is not a payment answer; update the terminal.") from None


def split_envelopes(body: bytes) -> list[bytes]:
    """The envelopes of an enrolment. Raises MalformedEnvelope when the lengths do not add up."""
    envelopes, position = [], 0
    while position < len(body):
        if len(body) - position < _LENGTH.size:
            raise MalformedEnvelope("The enrolment ends inside a length; send each envelope after its length.")
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        if length > len(body) - position:
            raise MalformedEnvelope("The enrolment ends inside an envelope; send each envelope after its length.")
        envelopes.append(body[position : position + length])
        position += length
    return envelopes


def join_envelopes(envelopes: Sequence[bytes]) -> bytes:
    """Inverse of `split_envelopes`."""
    return b"".join(_LENGTH.pack(len(envelope)) + envelope for envelope in envelopes)


def new_payment_id(clock_ms: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then random."""
    milliseconds = int(time.time() * 1000) if clock_ms is None else clock_ms
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def request_id(message_digest: str) -> str:
    """The name of a request in logs and conversations: the beginning of its envelope's SHA-256."""
    return message_digest[:16]


def payment_reference(payment_id: str) -> str:
    """What stands on the receipt."""
    return payment_id[-12:].upper()


def require_account_name(name: str) -> None:
    """Raise ValueError unless `name` can name an account."""
    _require(ACCOUNT_NAME, name, "an account's name must be 1 to 64 letters, digits and . _ : -")


def require_payment_id(payment_id: str) -> None:
    """Raise ValueError unless this is a payment's id."""
    _require(PAYMENT_ID, payment_id, "payment_id must be a UUID of version 7 in lower case")


def _require(pattern: re.Pattern[str], value: str, rule: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(rule)


def _require_password(action: Action, password: str | None) -> None:
    if action is not Action.PASSWORD:
        if password is not None:
            raise ValueError("password is allowed only with the action password")
    elif not isinstance(password, str) or not 1 <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise ValueError(f"password must have 1 to {MAX_PASSWORD_CHARACTERS} characters")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _fields_of(message: PaymentRequest | PaymentAnswer) -> dict[str, Any]:
    """By hand, for `asdict` copies every value: a twentieth of what settling a payment takes."""
    return {name: getattr(message, name) for name in message.__slots__}


def _to_json(fields: dict[str, Any]) -> bytes:
    return _encode(fields).encode()


_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
