"""An attempt on its way through the settlement: what its envelope proved, what is decided, what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.payment_protocol import Code, PaymentState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.payment_protocol import PaymentRequest


class AttemptRefused(Exception):
    """An attempt that must leave no trace.

    Parameters
    ----------
    code : Code
        What its terminal is told.

    """

    def __init__(self, code: Code) -> None:
        super().__init__(code.message)
        self.code = code


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """What an envelope proved, ready to be settled.

    Parameters
    ----------
    message_digest : str
        SHA-256 of the sealed bytes, 64 hexadecimal digits.
    device : str
        Key id of the device that signed, 32 hexadecimal digits.
    counter : int
        Number of the capture, 0 to 2^64 - 1.
    message_id : str
        The envelope's random id, 32 hexadecimal digits.
    request : PaymentRequest
        What the terminal asks for.
    finding : Code or None
        None when the person is who they claim to be, else why not.
    received_at : int
        Unix milliseconds.
    seal : callable
        Turns the body of the answer into its bytes.
    template_id, password_hash : str or None
        What the face or the password was compared with; replaced meanwhile, it no longer pays.

    """

    message_digest: str
    device: str
    counter: int
    message_id: str
    request: PaymentRequest
    finding: Code | None
    received_at: int
    seal: Callable[[bytes], bytes]
    template_id: str | None = None
    password_hash: str | None = None

    @property
    def actor(self) -> str:
        """Who acted, for the audit."""
        return f"device:{self.device}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided about an attempt.

    Parameters
    ----------
    code : Code
        What its terminal is told.
    state : PaymentState or None
        The payment's from now on; None where the terminal must learn nothing of it.
    attempts_left : int or None
        Faces or passwords that may still be tried.

    """

    code: Code
    state: PaymentState | None
    attempts_left: int | None = None

    @classmethod
    def still_open(cls, code: Code, attempts_left: int) -> Verdict:
        """Not paid, and the payment stays open."""
        return cls(code, PaymentState.OPEN, attempts_left)


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to an attempt, and how it ended.

    Parameters
    ----------
    message_digest : str
        SHA-256 of the sealed bytes, 64 hexadecimal digits.
    answer : bytes
        Signed by the server.
    code : Code
        How the attempt ended.
    stored : bool
        Whether this is the answer given before to the same bytes.

    """

    message_digest: str
    answer: bytes
    code: Code
    stored: bool = False
