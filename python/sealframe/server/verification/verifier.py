"""The opened picture against the account's enrolled face.

The method encodes and decodes the enrolled face into verification information, and compares with that. Both faces go
the same way here, through the same network: encoded, a window with its light taken out (`face_template.standardise`);
decoded, by convolutions and a fully connected layer as the method's decoder has them, into a vector (`Matcher.embed`).
Verification information is the vectors of at least three enrolled frames and, first, their mean. It is kept encrypted,
bound to account, matcher and model; a frame is compared with the mean.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import bindparam, select

from sealframe.errors import KeyFileError
from sealframe.faces.detection import FaceProblem, Liveness, crop_face
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES
from sealframe.payment_protocol import Code
from sealframe.server.storage.tables import templates
from sealframe.server.verification.template_vault import SealedTemplate, Vault
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Row

    from sealframe.faces.detection import FaceDetector, LivenessCheck, Pixels
    from sealframe.faces.matchers import Embedding, Matcher, Thresholds
    from sealframe.server.storage.database import Database
    from sealframe.trace import StageCallback

_CODES = {
    FaceProblem.NO_FACE: Code.NO_FACE,
    FaceProblem.MULTIPLE_FACES: Code.MULTIPLE_FACES,
    FaceProblem.LOW_QUALITY: Code.LOW_QUALITY,
}
_SHAPE = struct.Struct(">cHI")
_TYPES = {b"f": "<f4", b"b": "i1"}
_CURRENT = (
    select(templates)
    .where(
        templates.c.account == bindparam("account"),
        templates.c.model_sha256 == bindparam("model_sha256"),
        templates.c.matcher == bindparam("matcher"),
        templates.c.revoked_at.is_(None),
    )
    .order_by(templates.c.created_at)
)


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What was found out about a face.

    Parameters
    ----------
    reason : Code or None
        None when the face is the account's, else why not.
    template_id : str or None
        The template that it was accepted by.

    """

    reason: Code | None
    template_id: str | None = None


class FaceVerifier:
    """Detector, liveness check, matcher and thresholds, together with the vault of templates.

    Parameters
    ----------
    vault : Vault
        Seals and opens templates.
    matcher : Matcher
        Encodes and compares faces.
    thresholds : Thresholds
        Scores from which two faces are one person's.
    detector : FaceDetector
        Finds faces in a frame.
    liveness : LivenessCheck
        Tells whether a frame shows a living person.

    """

    def __init__(
        self, *, vault: Vault, matcher: Matcher, thresholds: Thresholds, detector: FaceDetector, liveness: LivenessCheck
    ) -> None:
        self.vault = vault
        self.matcher = matcher
        self._thresholds = thresholds
        self._detector = detector
        self._liveness = liveness

    def compare(
        self, database: Database, account: str, image: Pixels, on_stage: StageCallback = no_callback
    ) -> MatchResult:
        """Compare a frame with the account's current templates; no such account and a wrong face give one result.

        Parameters
        ----------
        database : Database
            Where the templates are.
        account : str
            Name that the person claims.
        image : ndarray
            uint8, HxWx3 in RGB, or HxW.
        on_stage : callable
            Told the name of each stage that ended.

        """
        seen = self.encode_living(image, on_stage)
        if isinstance(seen, Code):
            return MatchResult(seen)
        known = self._enrolled(database, account)
        on_stage("templates")
        for template_id, mean in known:
            if self.matcher.accepts(seen, mean, self._thresholds.payment):
                return MatchResult(None, template_id)
        return MatchResult(Code.FACE_MISMATCH)

    def encode_living(self, image: Pixels, on_stage: StageCallback = no_callback) -> Embedding | Code:
        """As `encode`, of a frame that the liveness check lets through."""
        alive = self._liveness.check(image)
        on_stage("liveness")
        return Code.SPOOF_SUSPECTED if alive is Liveness.FAILED else self.encode(image, on_stage)

    def encode(self, image: Pixels, on_stage: StageCallback = no_callback) -> Embedding | Code:
        """The vector of a frame's one face, or why there is none."""
        face = crop_face(image, self._detector)
        on_stage("face detection")
        if isinstance(face, FaceProblem):
            return _CODES[face]
        vector = self.matcher.embed(face)
        on_stage("face encoding")
        return vector

    def seal_template(self, account: str, vectors: Sequence[Embedding]) -> SealedTemplate:
        """Seal the verification information of an account.

        Parameters
        ----------
        account : str
            Name of the account; the template opens for it alone.
        vectors : sequence of ndarray
            At least MIN_ENROLLED_FRAMES, of one face.

        Raises
        ------
        ValueError
            For fewer vectors.

        """
        if len(vectors) < MIN_ENROLLED_FRAMES:
            raise ValueError(f"an enrolment must have at least {MIN_ENROLLED_FRAMES} frames")
        rows = np.stack([self.matcher.mean(vectors), *vectors])
        return self.vault.seal(_pack(rows), self._bound_to(account))

    def agree(self, vectors: Sequence[Embedding]) -> bool:
        """Whether the frames of an enrolment show one face."""
        bar = self._thresholds.agreement
        return all(self.matcher.accepts(one, other, bar) for one, other in combinations(vectors, 2))

    def _enrolled(self, database: Database, account: str) -> list[tuple[str, NDArray[Any]]]:
        which = {"account": account, "matcher": self.matcher.name, "model_sha256": self.matcher.model_sha256}
        with database.reading() as connection:
            rows = connection.execute(_CURRENT, which).all()
        opened = ((row.template_id, self.vault.open(sealed_in(row), self._bound_to(account))) for row in rows)
        return [(template_id, _unpack(template)[0]) for template_id, template in opened]

    def _bound_to(self, account: str) -> bytes:
        return associated_data(account, self.matcher.name, self.matcher.model_sha256)


def associated_data(account: str, matcher: str, model_sha256: str) -> bytes:
    """What a template is authenticated along with: it opens for this account and this model alone."""
    return "|".join(("sealframe/template", account, matcher, model_sha256)).encode()


def sealed_in(row: Row[Any]) -> SealedTemplate:
    """What a row of the table `templates` holds."""
    return SealedTemplate(row.vault_key, row.wrapped_key, row.sealed)


def _pack(rows: NDArray[Any]) -> bytes:
    code = rows.dtype.char.encode()
    return _SHAPE.pack(code, *rows.shape) + rows.astype(_TYPES[code]).tobytes()


def _unpack(template: bytes) -> NDArray[Any]:
    try:
        code, *shape = _SHAPE.unpack_from(template)
        rows: NDArray[Any] = np.frombuffer(template, _TYPES[code], offset=_SHAPE.size).reshape(shape)
    except (KeyError, ValueError, struct.error):
        raise KeyFileError("A stored template is damaged; enrol again.") from None
    return rows
