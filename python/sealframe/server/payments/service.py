"""One envelope from its bytes to its answer, without HTTP.

    recognise    header and signature, while the picture arrives
    open         stored answer, device, signature, decryption, clock, image factor, request
    judge        the face or the password
    settle       one transaction, together with others

The first three change nothing. Devices that the server does not know, or no longer, learn that before the signature is
looked at; every other refusal up to the image factor is `rejected`, its reason in the log alone. What a device that the
server has met did not sign gets no signed answer, and its picture is not waited for: on its way it was changed.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from sqlalchemy import bindparam, select

from sealframe.envelope import DEFAULT_POLICY, MAX_START_BYTES, Policy, check_start, write_clear_answer
from sealframe.envelope.layout import split_envelope, split_start
from sealframe.errors import (
    BadSignature,
    MalformedEnvelope,
    PolicyError,
    SealframeError,
    StaleCapture,
    UnknownKey,
    UnsupportedEnvelope,
)
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES
from sealframe.freshness import Live
from sealframe.image import rgb_pixels
from sealframe.keys import DevicePublic, Validity
from sealframe.payment_protocol import (
    Action,
    Code,
    EnrolmentRequest,
    PaymentAnswer,
    PaymentRequest,
    parse_request,
    request_id,
)
from sealframe.pipeline import Opener
from sealframe.server.payments import administration
from sealframe.server.payments.settlement import Attempt, Limits, Refused, Settled, settle, spend_capture, stored_answer
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.device_records import device_from_record, record_of
from sealframe.server.storage.group_commit import GroupCommit
from sealframe.server.storage.tables import devices
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from sqlalchemy import Connection

    from sealframe.envelope import SignedStart
    from sealframe.envelope.layout import Parts
    from sealframe.keys import ServerKey
    from sealframe.pipeline import Verified
    from sealframe.server.payments.passwords import Passwords
    from sealframe.server.storage.database import Database
    from sealframe.server.verification.verifier import FaceVerifier
    from sealframe.trace import StageCallback

MAX_ENVELOPE_BYTES = 16 << 20
CLOCK_WINDOW_S = 300
REST_MS = 1000
"""So long a device that was told to be too busy for is not listened to: its captures would cost a factor each."""

_MOST_KEPT = 4096
_Known = TypeVar("_Known", "dict[bytes, DevicePublic]", set[bytes])

_log = logging.getLogger("sealframe.server")
_DEVICE = Statement(select(devices.c.record, devices.c.status).where(devices.c.device == bindparam("device")))


@dataclass(frozen=True, slots=True, repr=False)
class OpenedRequest:
    """A request of which everything but the person has been checked."""

    envelope_id: str
    verified: Verified
    request: PaymentRequest
    received_at: int

    @property
    def needs_password(self) -> bool:
        """Whether judging it means hashing a password."""
        return self.request.action is Action.PASSWORD


class PaymentService:
    """Everything between the bytes of a request and the bytes of its answer. Thread-safe."""

    def __init__(
        self,
        server: Sequence[ServerKey],
        database: Database,
        faces: FaceVerifier,
        passwords: Passwords,
        *,
        limits: Limits | None = None,
        policy: Policy = DEFAULT_POLICY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`server`: the newest key first; older ones still open. `clock` gives Unix seconds."""
        self.database = database
        self.faces = faces
        self.passwords = passwords
        self.writer = GroupCommit(database)
        self._server = server[0]
        self._resting_until: dict[bytes, int] = {}
        self._limits = limits or Limits()
        self._clock = clock
        freshness = Live(_NoReplayStore(), window_s=CLOCK_WINDOW_S, clock=clock)
        self._policy = replace(policy, max_bytes=min(policy.max_bytes, MAX_ENVELOPE_BYTES))
        self._keys = list(server)
        self._met: dict[bytes, DevicePublic] = {}
        self._opened: set[bytes] = set()
        self._opener = Opener(
            self._keys,
            devices=_Directory(database),
            freshness=freshness,
            policy=self._policy,
            workers=0,  # the server's own threads keep the cores busy
            clock=clock,
        )

    @property
    def public_record(self) -> str:
        """What terminals pin, as text."""
        return record_of(self._server.public)

    def now(self) -> int:
        """Unix milliseconds."""
        return int(self._clock() * 1000)

    def answer(self, envelope: bytes) -> Settled:
        """Everything in this thread. Raises what `recognise` and `open` raise, and StoreUnavailable."""
        opened = self.open(envelope, self.recognise(envelope[:MAX_START_BYTES]))
        if isinstance(opened, Settled):
            return opened
        try:
            attempt = self.verify_person(opened)
            return self.settle(attempt).result()
        except Refused as refused:
            return self.refusal(opened, refused)

    def recognise(self, start: bytes) -> SignedStart | None:
        """Check an envelope's first MAX_START_BYTES, waiting for nothing; None where `open` must look further.

        That is where the device was not met before, and where this very start was: its answer may be stored.
        Raises MalformedEnvelope, UnsupportedEnvelope, or BadSignature when a device that was met did not sign this.
        """
        if _digest_of(split_start(start)) in self._opened:
            return None
        try:
            return self._check_start(start, self._met)
        except (UnknownKey, PolicyError):
            return None

    def open(
        self, envelope: bytes, start: SignedStart | None = None, on_stage: StageCallback = no_callback
    ) -> OpenedRequest | Settled:
        """Check what does not need the person; an answer when that is the end of it. `start`: what was recognised.

        Raises MalformedEnvelope, UnsupportedEnvelope, or BadSignature for bytes that get no signed answer.
        """
        on_stage("waiting")
        received_at = self.now()
        header = split_envelope(envelope, self._policy.max_bytes).header
        envelope_id = hashlib.sha256(envelope).hexdigest()
        with self.database.reading() as connection:
            before = stored_answer(connection, envelope_id)
            if before is not None:
                return before
            status = _DEVICE.row(connection, {"device": header.signer.hex()})
        on_stage("stored answer")
        if status is None or status.status != "active":
            code = Code.UNKNOWN_DEVICE if status is None else Code.DEVICE_REVOKED
            return self._clear(envelope, envelope_id, code, received_at, "device")
        if received_at < self._resting_until.get(header.signer, 0):
            return self._clear(envelope, envelope_id, Code.SERVER_BUSY, received_at, "told so a moment ago")
        device = device_from_record(status.record)
        try:
            if start is None or start.signer != device:
                start = self._check_start(envelope[:MAX_START_BYTES], {header.signer: device})
                _keep_few(self._met)[device.key_id] = device
            verified = self._opener.verify(envelope, start=start, on_stage=on_stage)
        except BadSignature:
            raise
        except StaleCapture as error:
            return self._clear(envelope, envelope_id, Code.CLOCK_SKEW, received_at, type(error).__name__)
        except SealframeError as error:
            return self._clear(envelope, envelope_id, Code.REJECTED, received_at, type(error).__name__)
        _keep_few(self._opened).add(_digest_of(start.parts))
        return self._read_request(envelope_id, verified, received_at)

    def verify_person(self, opened: OpenedRequest, on_stage: StageCallback = no_callback) -> Attempt:
        """Look at the person: face or password, as asked for. Raises Refused when the server is too busy."""
        on_stage("waiting")
        request = opened.request
        if request.action is Action.PAY:
            finding = self.faces.compare(self.database, request.account, rgb_pixels(opened.verified.frame), on_stage)
            return self._attempt(opened, finding.reason, template_id=finding.template_id)
        if request.action is Action.PASSWORD:
            checked = self.passwords.check(self.database, request.account, request.password or "")
            on_stage("password")
            return self._attempt(opened, checked.reason, password_hash=checked.password_hash)
        return self._attempt(opened, None)

    def settle(self, attempt: Attempt) -> Future[Settled]:
        """Queue the attempt; the future holds its answer once that is on the disk, or raises Refused."""
        names = f"device {attempt.device}", f"account {attempt.request.account}", f"account {attempt.request.payee}"
        return self.writer.submit(lambda connection: settle(connection, attempt, self._limits), names)

    def refusal(self, opened: OpenedRequest, refused: Refused) -> Settled:
        """The sealed answer to a request that left no trace. Whom the server was too busy for rests a moment (A60).

        Only what a device signed brings that about, so nobody can silence another's terminal.
        """
        if refused.code is Code.SERVER_BUSY:
            self._resting_until[opened.verified.device.key_id] = opened.received_at + REST_MS
        return self._sealed(opened.envelope_id, opened.verified, refused.code, opened.received_at)

    def enrol(self, account: str, envelopes: Sequence[bytes], actor: str) -> str:
        """Enrol an account's owner from at least three sealed frames; returns the template's id.

        The captures are spent. Raises PolicyError with what to do when a frame does not serve.
        """
        if len(envelopes) < MIN_ENROLLED_FRAMES:
            raise PolicyError(f"An enrolment needs at least {MIN_ENROLLED_FRAMES} frames; capture more.")
        frames = [self._open_enrolment(envelope, account) for envelope in envelopes]
        vectors = []
        for number, verified in enumerate(frames, 1):
            vector = self.faces.encode_living(rgb_pixels(verified.frame))
            if isinstance(vector, Code):
                raise PolicyError(f"Frame {number} cannot be enrolled: {vector.message}")
            vectors.append(vector)
        if not self.faces.agree(vectors):
            raise PolicyError("The frames do not show one face; capture all of one person.")
        sealed = self.faces.seal_template(account, vectors)
        matcher, now = self.faces.matcher, self.now()

        def write(connection: Connection) -> str:
            for verified in sorted(frames, key=lambda verified: verified.context.counter):
                message_id = verified.header.message_id.hex()
                if not spend_capture(connection, verified.device.key_id.hex(), verified.context.counter, message_id):
                    raise PolicyError("A frame, or a later one of its device, was used before; capture all anew.")
            return administration.enrol(connection, actor, now, account, sealed, matcher.name, matcher.model_sha256)

        return self.writer.submit(write).result()

    def close(self) -> None:
        """Settle what waits, then let go of the database."""
        self.writer.close()
        self.database.close()

    def _check_start(self, start: bytes, devices: Mapping[bytes, DevicePublic]) -> SignedStart:
        try:
            return check_start(start, self._keys, devices, self._policy, clock=self._clock)
        except BadSignature:
            _log.info("refused", extra={"code": Code.REJECTED.value, "why": BadSignature.__name__})
            raise

    def _open_enrolment(self, envelope: bytes, account: str) -> Verified:
        verified = self._opener.verify(envelope)
        request = parse_request(verified.data)
        if not isinstance(request, EnrolmentRequest) or request.account != account:
            raise PolicyError("A frame was sealed for something else than this enrolment; capture it anew.")
        return verified

    def _read_request(self, envelope_id: str, verified: Verified, received_at: int) -> OpenedRequest | Settled:
        try:
            request = parse_request(verified.data)
        except UnsupportedEnvelope:
            return self._sealed(envelope_id, verified, Code.VERSION_UNSUPPORTED, received_at)
        except MalformedEnvelope:
            return self._sealed(envelope_id, verified, Code.REJECTED, received_at)
        if isinstance(request, EnrolmentRequest):
            return self._sealed(envelope_id, verified, Code.REJECTED, received_at)
        return OpenedRequest(envelope_id, verified, request, received_at)

    def _attempt(self, opened: OpenedRequest, reason: Code | None, **compared_with: str | None) -> Attempt:
        verified = opened.verified
        return Attempt(
            envelope_id=opened.envelope_id,
            device=verified.device.key_id.hex(),
            counter=verified.context.counter,
            message_id=verified.header.message_id.hex(),
            request=opened.request,
            finding=reason,
            received_at=opened.received_at,
            seal=lambda body: verified.answer(self._server, body),
            **compared_with,
        )

    def _sealed(self, envelope_id: str, verified: Verified, code: Code, received_at: int) -> Settled:
        body = PaymentAnswer(code, envelope_id, received_at).encode()
        return Settled(envelope_id, verified.answer(self._server, body), code)

    def _clear(self, envelope: bytes, envelope_id: str, code: Code, received_at: int, why: str) -> Settled:
        _log.info("refused", extra={"request_id": request_id(envelope_id), "code": code.value, "why": why})
        body = PaymentAnswer(code, envelope_id, received_at).encode()
        return Settled(envelope_id, write_clear_answer(self._server, envelope, body), code)


def _digest_of(start: Parts) -> bytes:
    """SHA-256 of all that stands before an envelope's content."""
    return hashlib.sha256(b"".join((start.fixed, *start.blocks, start.signature))).digest()


def _keep_few(known: _Known) -> _Known:
    """Room for one more, so that what is remembered stays small."""
    if len(known) >= _MOST_KEPT:
        known.clear()
    return known


class _NoReplayStore:
    """The replay store of a server: none of its own, for a capture is spent in its payment's transaction."""

    def accept(self, device_key_id: bytes, counter: int, message_id: bytes, timestamp: int) -> NoReturn:  # noqa: ARG002
        """Never called by the service."""
        raise PolicyError("A capture is spent together with its payment; settle it.")


class _Directory(Mapping[bytes, DevicePublic]):
    """The registered devices by key id, read when asked for, so that a revocation counts at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getitem__(self, key_id: bytes) -> DevicePublic:
        with self._database.reading() as connection:
            row = _DEVICE.row(connection, {"device": key_id.hex()})
        if row is None:
            raise KeyError(key_id)
        device = device_from_record(row.record)
        revoked = row.status != "active"
        return replace(device, validity=Validity(revoked=True)) if revoked else device

    def __iter__(self) -> Iterator[bytes]:
        with self._database.reading() as connection:
            return iter([bytes.fromhex(key_id) for key_id in connection.execute(select(devices.c.device)).scalars()])

    def __len__(self) -> int:
        return sum(1 for _ in self)
