"""The payment service of one server process, without HTTP."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from sealframe.envelope import DEFAULT_POLICY, Policy
from sealframe.errors import PolicyError
from sealframe.freshness import Live
from sealframe.pipeline import Opener
from sealframe.server.payments.answer_writer import AnswerWriter
from sealframe.server.payments.attempt_pipeline import AttemptPipeline
from sealframe.server.payments.attempt_runner import InlineRunner, WholeEnvelope, run_inline
from sealframe.server.payments.enrolment import Enrolment
from sealframe.server.payments.envelope_start import StartVerifier
from sealframe.server.payments.limits import Limits
from sealframe.server.payments.request_opener import RequestOpener
from sealframe.server.storage.device_directory import DeviceDirectory
from sealframe.server.storage.device_records import record_of
from sealframe.server.storage.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.capture_context import SpliceRule
    from sealframe.keys import ServerKey
    from sealframe.server.payments.attempt import Settled
    from sealframe.server.payments.passwords import PasswordVerifier
    from sealframe.server.storage.database import Database
    from sealframe.server.verification.verifier import FaceVerifier

MAX_ENVELOPE_BYTES = 16 << 20
CLOCK_WINDOW_S = 300


class PaymentService:
    """Everything between the bytes of a request and the bytes of its answer. Thread-safe.

    Parameters
    ----------
    server : sequence of ServerKey
        The newest key first, which signs; older ones still open.
    database : Database
        Migrated; closed with the service.
    faces : FaceVerifier
        Verifies people by their faces.
    passwords : PasswordVerifier
        Verifies people by their passwords.
    limits : Limits, optional
        How often and how long a payment may be tried.
    policy : Policy
        Suites, signatures and sizes that are allowed; envelopes have at most MAX_ENVELOPE_BYTES.
    splice_rules : sequence of SpliceRule
        Rules of the terminals' own by which capture contexts may be written.
    clock : callable
        Unix seconds.

    """

    def __init__(
        self,
        server: Sequence[ServerKey],
        database: Database,
        faces: FaceVerifier,
        passwords: PasswordVerifier,
        *,
        limits: Limits | None = None,
        policy: Policy = DEFAULT_POLICY,
        splice_rules: Sequence[SpliceRule] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.faces = faces
        self.passwords = passwords
        self.writer = GroupCommit(database)
        self._server = server[0]
        self._clock = clock
        policy = replace(policy, max_bytes=min(policy.max_bytes, MAX_ENVELOPE_BYTES))
        opener = Opener(
            list(server),
            devices=DeviceDirectory(database),
            freshness=Live(_NoReplayStore(), window_s=CLOCK_WINDOW_S, clock=clock),
            policy=policy,
            splice_rules=splice_rules,
            workers=0,  # the server's own threads keep the cores busy
            clock=clock,
        )
        starts, answers = StartVerifier(list(server), policy, clock), AnswerWriter(self._server)
        self.attempts = AttemptPipeline(
            starts=starts,
            opener=RequestOpener(opener, starts, answers, database, policy.max_bytes, self.now),
            answers=answers,
            faces=faces,
            passwords=passwords,
            database=database,
            writer=self.writer,
            limits=limits or Limits(),
        )
        self._enrolment = Enrolment(opener, faces, self.writer, self.now)

    @property
    def public_record(self) -> str:
        """What terminals pin, as text."""
        return record_of(self._server.public)

    def now(self) -> int:
        """Unix milliseconds."""
        return int(self._clock() * 1000)

    def answer(self, envelope: bytes) -> Settled:
        """Answer an envelope, everything in this thread.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, BadSignature
            For bytes that get no signed answer.
        StoreUnavailable
            When the database did not take the transaction.

        """
        return run_inline(self.attempts.answer(nullcontext(WholeEnvelope(envelope)), InlineRunner()))

    def enrol(self, account: str, envelopes: Sequence[bytes], actor: str) -> str:
        """Enrol an account's owner from sealed frames; see `Enrolment.enrol`."""
        return self._enrolment.enrol(account, envelopes, actor)

    def close(self) -> None:
        """Settle what waits, then let go of the database."""
        self.writer.close()
        self.database.close()


class _NoReplayStore:
    """The replay store of a server: none of its own, for a capture is spent in its payment's transaction."""

    def accept(self, device_key_id: bytes, counter: int, message_id: bytes, timestamp: int) -> NoReturn:  # noqa: ARG002
        """Never called by the service."""
        raise PolicyError("A capture is recorded together with its payment; settle the payment instead.")
