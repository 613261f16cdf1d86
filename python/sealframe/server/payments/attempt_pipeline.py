"""The way of an attempt through the server, from the first bytes of its envelope to its answer.

    recognise        header and signature, while the picture arrives
    open             stored answer, device, signature, decryption, clock, image factor, request
    verify_person    the face or the password
    settle           one transaction, together with others

The first three change nothing. What a known device did not sign gets no signed answer, and its picture is not waited
for: on its way it was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.envelope import MAX_START_BYTES
from sealframe.image import rgb_pixels
from sealframe.payment_protocol import Action, Code
from sealframe.server.payments.attempt import Attempt, AttemptRefused, Settled
from sealframe.server.payments.settlement import settle
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from sealframe.server.payments.answer_writer import AnswerWriter
    from sealframe.server.payments.attempt_runner import AttemptRunner, Upload
    from sealframe.server.payments.envelope_start import EnvelopeStart, StartVerifier
    from sealframe.server.payments.limits import Limits
    from sealframe.server.payments.passwords import PasswordVerifier
    from sealframe.server.payments.request_opener import OpenedRequest, RequestOpener
    from sealframe.server.storage.database import Database
    from sealframe.server.storage.group_commit import GroupCommit
    from sealframe.server.verification.verifier import FaceVerifier
    from sealframe.trace import StageCallback


class AttemptPipeline:
    """The steps of an attempt, and their one order. Thread-safe.

    Parameters
    ----------
    starts : StartVerifier
        Recognises envelopes by their first bytes.
    opener : RequestOpener
        Opens them.
    answers : AnswerWriter
        Answers what leaves no trace.
    faces : FaceVerifier
        Verifies people by their faces.
    passwords : PasswordVerifier
        Verifies people by their passwords.
    database : Database
        What faces and passwords are compared with.
    writer : GroupCommit
        Writes what is settled.
    limits : Limits
        How often and how long a payment may be tried.

    """

    def __init__(
        self,
        *,
        starts: StartVerifier,
        opener: RequestOpener,
        answers: AnswerWriter,
        faces: FaceVerifier,
        passwords: PasswordVerifier,
        database: Database,
        writer: GroupCommit,
        limits: Limits,
    ) -> None:
        self._starts = starts
        self._opener = opener
        self._answers = answers
        self._faces = faces
        self._passwords = passwords
        self._database = database
        self._writer = writer
        self._limits = limits

    async def answer(self, upload: AbstractAsyncContextManager[Upload], runner: AttemptRunner) -> Settled:
        """Answer an envelope.

        Parameters
        ----------
        upload : asynchronous context manager
            The envelope on its way in. Left as soon as it has arrived, or is refused.
        runner : AttemptRunner
            Where each step runs.

        Returns
        -------
        Settled
            The answer, which is on the disk by now if it is one to keep.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, BadSignature
            For bytes that get no signed answer.
        StoreUnavailable
            When the database did not take the transaction.

        """
        async with upload as body:
            start = self.recognise(await body.first(MAX_START_BYTES))
            envelope = await body.whole()
        with runner.place() as on_stage:
            opened = await runner.on_networks(lambda: self.open(envelope, start, on_stage))
            if isinstance(opened, Settled):
                return opened
            run = runner.on_passwords if opened.needs_password else runner.on_networks
            try:
                attempt = await run(lambda: self.verify_person(opened, on_stage))
                settled = await runner.committed(self.settle(attempt))
            except AttemptRefused as refused:
                return self.refuse(opened, refused)
            on_stage("settling")
            return settled

    def recognise(self, first: bytes) -> EnvelopeStart:
        """Recognise an envelope by its first bytes, waiting for nothing; see `StartVerifier.recognise`."""
        return self._starts.recognise(first)

    def open(
        self, envelope: bytes, start: EnvelopeStart, on_stage: StageCallback = no_callback
    ) -> OpenedRequest | Settled:
        """Check what does not need the person; see `RequestOpener.open`."""
        return self._opener.open(envelope, start, on_stage)

    def verify_person(self, opened: OpenedRequest, on_stage: StageCallback = no_callback) -> Attempt:
        """Verify the person by face or password, as asked for; whoever asks for neither is not verified.

        Parameters
        ----------
        opened : OpenedRequest
            The request, with the picture.
        on_stage : callable
            Told the name of each stage that ended.

        """
        on_stage("waiting")
        request = opened.request
        if request.action is Action.PAY:
            finding = self._faces.compare(self._database, request.account, rgb_pixels(opened.verified.frame), on_stage)
            return self._attempt(opened, finding.reason, template_id=finding.template_id)
        if request.action is Action.PASSWORD:
            checked = self._passwords.check(self._database, request.account, request.password or "")
            on_stage("password")
            return self._attempt(opened, checked.reason, password_hash=checked.password_hash)
        return self._attempt(opened, None)

    def settle(self, attempt: Attempt) -> Future[Settled]:
        """Queue an attempt for its transaction.

        Returns
        -------
        Future
            Holds the answer once that is on the disk, or raises AttemptRefused or StoreUnavailable.

        """
        names = f"device {attempt.device}", f"account {attempt.request.account}", f"account {attempt.request.payee}"
        return self._writer.submit(lambda connection: settle(connection, attempt, self._limits), names)

    def refuse(self, opened: OpenedRequest, refused: AttemptRefused) -> Settled:
        """The sealed answer to a request that left no trace. A device that the server was too busy for rests."""
        if refused.code is Code.SERVER_BUSY:
            self._opener.let_rest(opened)
        return self._answers.seal(opened.received, opened.verified, refused.code)

    def _attempt(self, opened: OpenedRequest, reason: Code | None, **compared_with: str | None) -> Attempt:
        verified = opened.verified
        return Attempt(
            message_digest=opened.received.message_digest,
            device=verified.device.key_id.hex(),
            counter=verified.context.counter,
            message_id=verified.header.message_id.hex(),
            request=opened.request,
            finding=reason,
            received_at=opened.received.received_at,
            seal=lambda body: verified.answer(self._answers.server, body),
            **compared_with,
        )
