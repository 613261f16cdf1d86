"""Everything of an attempt that needs no person: stored answer, device, signature, decryption, clock, image factor.

Devices that the server does not know, or no longer, learn that before the signature is looked at; every other refusal
up to the image factor is `rejected`, its reason in the log alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.envelope.layout import complete_parts
from sealframe.errors import BadSignature, MalformedEnvelope, SealframeError, StaleCapture, UnsupportedEnvelope
from sealframe.payment_protocol import Action, Code, EnrolmentRequest, PaymentRequest, parse_request
from sealframe.server.payments.answer_writer import AnswerWriter, ReceivedEnvelope
from sealframe.server.payments.stored_answers import stored_answer
from sealframe.server.storage.device_directory import find_device
from sealframe.server.storage.device_records import device_from_record
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.keys import DevicePublic
    from sealframe.pipeline import Opener, Verified
    from sealframe.server.payments.attempt import Settled
    from sealframe.server.payments.envelope_start import EnvelopeStart, StartVerifier
    from sealframe.server.storage.compiled_statements import ResultRow
    from sealframe.server.storage.database import Database
    from sealframe.trace import StageCallback

REST_MS = 1000
"""So long a device that was told to be too busy for is not listened to: its captures would cost a factor each."""


@dataclass(frozen=True, slots=True, repr=False)
class OpenedRequest:
    """A request of which everything but the person has been checked.

    Parameters
    ----------
    received : ReceivedEnvelope
        What arrived.
    verified : Verified
        What the envelope held; its capture is not spent yet.
    request : PaymentRequest
        What the terminal asks for.

    """

    received: ReceivedEnvelope
    verified: Verified
    request: PaymentRequest

    @property
    def needs_password(self) -> bool:
        """Whether verifying the person means hashing a password."""
        return self.request.action is Action.PASSWORD


class RequestOpener:
    """From a whole envelope to the request in it. Changes nothing in the database.

    Parameters
    ----------
    opener : Opener
        Verifies envelopes.
    starts : StartVerifier
        Verifies their starts.
    answers : AnswerWriter
        Answers those that are refused.
    database : Database
        Devices and stored answers.
    max_bytes : int
        Bytes of the longest envelope.
    now : callable
        Unix milliseconds.

    """

    def __init__(
        self,
        opener: Opener,
        starts: StartVerifier,
        answers: AnswerWriter,
        database: Database,
        max_bytes: int,
        now: Callable[[], int],
    ) -> None:
        self._opener = opener
        self._starts = starts
        self._answers = answers
        self._database = database
        self._max_bytes = max_bytes
        self._now = now
        self._resting_until: dict[bytes, int] = {}

    def open(
        self, envelope: bytes, start: EnvelopeStart, on_stage: StageCallback = no_callback
    ) -> OpenedRequest | Settled:
        """Check what does not need the person.

        Parameters
        ----------
        envelope : bytes
            The whole of it.
        start : EnvelopeStart
            Its start, as it was parsed, and perhaps checked, before.
        on_stage : callable
            Told the name of each stage that ended.

        Returns
        -------
        OpenedRequest or Settled
            An answer when that is the end of it.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, BadSignature
            For bytes that get no signed answer.

        """
        on_stage("waiting")
        now = self._now()
        parts = complete_parts(start.parts, envelope, self._max_bytes)
        received = ReceivedEnvelope(envelope, parts, hashlib.sha256(envelope).hexdigest(), now)
        with self._database.reading() as connection:
            before = stored_answer(connection, received.message_digest)
            if before is not None:
                return before
            registered = find_device(connection, parts.header.signer)
        on_stage("stored answer")
        if registered is None:
            return self._answers.sign(received, Code.UNKNOWN_DEVICE, "device")
        return self._refuse_device(received, registered) or self._verify(
            received, start, device_from_record(registered.record), on_stage
        )

    def let_rest(self, opened: OpenedRequest) -> None:
        """Do not listen to a request's device for a moment.

        Only what a device signed brings that about, so nobody can silence another's terminal.
        """
        self._resting_until[opened.verified.device.key_id] = opened.received.received_at + REST_MS

    def _refuse_device(self, received: ReceivedEnvelope, registered: ResultRow) -> Settled | None:
        if registered.status != "active":
            return self._answers.sign(received, Code.DEVICE_REVOKED, "device")
        if received.received_at < self._resting_until.get(received.parts.header.signer, 0):
            return self._answers.sign(received, Code.SERVER_BUSY, "told so a moment ago")
        return None

    def _verify(
        self, received: ReceivedEnvelope, start: EnvelopeStart, device: DevicePublic, on_stage: StageCallback
    ) -> OpenedRequest | Settled:
        try:
            signed = self._starts.verify(start, device)
            verified = self._opener.verify(received.envelope, start=signed, on_stage=on_stage)
        except BadSignature:
            raise
        except StaleCapture as error:
            return self._answers.sign(received, Code.CLOCK_SKEW, type(error).__name__)
        except SealframeError as error:
            return self._answers.sign(received, Code.REJECTED, type(error).__name__)
        self._starts.remember_opened(start)
        return self._read_request(received, verified)

    def _read_request(self, received: ReceivedEnvelope, verified: Verified) -> OpenedRequest | Settled:
        try:
            request = parse_request(verified.data)
        except UnsupportedEnvelope:
            return self._answers.seal(received, verified, Code.VERSION_UNSUPPORTED)
        except MalformedEnvelope:
            return self._answers.seal(received, verified, Code.REJECTED)
        if isinstance(request, EnrolmentRequest):
            return self._answers.seal(received, verified, Code.REJECTED)
        return OpenedRequest(received, verified, request)
