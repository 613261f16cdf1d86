"""Signed answers that say only a code: to what is refused before, or without, a settlement."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.envelope import write_clear_answer
from sealframe.payment_protocol import PaymentAnswer, request_id
from sealframe.server.payments.attempt import Settled

if TYPE_CHECKING:
    from sealframe.envelope.layout import Parts
    from sealframe.keys import ServerKey
    from sealframe.payment_protocol import Code
    from sealframe.pipeline import Verified

_log = logging.getLogger("sealframe.server")


@dataclass(frozen=True, slots=True, repr=False)
class ReceivedEnvelope:
    """A whole envelope.

    Parameters
    ----------
    envelope : bytes
        The sealed bytes.
    parts : Parts
        The same, parsed.
    message_digest : str
        Their SHA-256, 64 hexadecimal digits.
    received_at : int
        Unix milliseconds.

    """

    envelope: bytes
    parts: Parts
    message_digest: str
    received_at: int


class AnswerWriter:
    """Writes answers that say only a code.

    Parameters
    ----------
    server : ServerKey
        The key that signs.

    """

    def __init__(self, server: ServerKey) -> None:
        self.server = server

    def seal(self, received: ReceivedEnvelope, verified: Verified, code: Code) -> Settled:
        """An answer that the sender alone can read."""
        return Settled(received.message_digest, verified.answer(self.server, _body(received, code)), code)

    def sign(self, received: ReceivedEnvelope, code: Code, why: str) -> Settled:
        """A readable answer to an envelope that was not opened; `why` is for the log alone."""
        said = {"request_id": request_id(received.message_digest), "code": code.value, "why": why}
        _log.info("refused", extra=said)
        answer = write_clear_answer(self.server, received.parts, _body(received, code))
        return Settled(received.message_digest, answer, code)


def _body(received: ReceivedEnvelope, code: Code) -> bytes:
    return PaymentAnswer(code, received.message_digest, received.received_at).encode()
