"""Enrolment: an account's face, from at least three sealed frames of one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.errors import PolicyError, ReplayedCapture
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES
from sealframe.image import rgb_pixels
from sealframe.payment_protocol import Code, EnrolmentRequest, parse_request
from sealframe.server.payments import administration
from sealframe.server.payments.device_counters import spend_capture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from sealframe.faces.matchers import Embedding
    from sealframe.pipeline import Opener, Verified
    from sealframe.server.storage.group_commit import GroupCommit
    from sealframe.server.verification.verifier import FaceVerifier


class Enrolment:
    """Enrols faces.

    Parameters
    ----------
    opener : Opener
        Verifies envelopes.
    faces : FaceVerifier
        Encodes and compares faces.
    writer : GroupCommit
        Writes what is enrolled.
    now : callable
        Unix milliseconds.

    """

    def __init__(self, opener: Opener, faces: FaceVerifier, writer: GroupCommit, now: Callable[[], int]) -> None:
        self._opener = opener
        self._faces = faces
        self._writer = writer
        self._now = now

    def enrol(self, account: str, envelopes: Sequence[bytes], actor: str) -> str:
        """Enrol an account's owner; the captures are spent.

        Parameters
        ----------
        account : str
            Name of the account.
        envelopes : sequence of bytes
            At least three, sealed for this enrolment.
        actor : str
            Who asked, for the audit.

        Returns
        -------
        str
            The template's id, 32 hexadecimal digits.

        Raises
        ------
        PolicyError
            With what to do, when a frame cannot be used.
        ReplayedCapture
            When a frame, or a later one of its device, was used before.
        NotFound
            When there is no such account.

        """
        if len(envelopes) < MIN_ENROLLED_FRAMES:
            raise PolicyError(f"An enrolment needs at least {MIN_ENROLLED_FRAMES} frames; capture more frames.")
        frames = [self._open(envelope, account) for envelope in envelopes]
        vectors = [self._encode(number, verified) for number, verified in enumerate(frames, 1)]
        if not self._faces.agree(vectors):
            raise PolicyError("The frames show different faces; capture every frame of the same person.")
        sealed = self._faces.seal_template(account, vectors)
        matcher, now = self._faces.matcher, self._now()

        def write(connection: Connection) -> str:
            _spend(connection, frames)
            return administration.enrol(connection, actor, now, account, sealed, matcher.name, matcher.model_sha256)

        return self._writer.submit(write).result()

    def _open(self, envelope: bytes, account: str) -> Verified:
        verified = self._opener.verify(envelope)
        request = parse_request(verified.data)
        if not isinstance(request, EnrolmentRequest) or request.account != account:
            raise PolicyError("A frame was not sealed for this enrolment; capture the frame again.")
        return verified

    def _encode(self, number: int, verified: Verified) -> Embedding:
        vector = self._faces.encode_living(rgb_pixels(verified.frame))
        if isinstance(vector, Code):
            raise PolicyError(f"Frame {number} cannot be enrolled: {vector.message}")
        return vector


def _spend(connection: Connection, frames: Sequence[Verified]) -> None:
    for verified in sorted(frames, key=lambda verified: verified.context.counter):
        message_id = verified.header.message_id.hex()
        if not spend_capture(connection, verified.device.key_id.hex(), verified.context.counter, message_id):
            raise ReplayedCapture("A frame, or a later one of its device, was already used; capture every frame again.")
