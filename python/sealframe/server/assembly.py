"""The payment service made of its parts, as an operator chose them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.errors import PolicyError
from sealframe.faces.detection import NoLiveness, RequireLiveness
from sealframe.faces.matchers import DEMO_THRESHOLDS
from sealframe.faces.plugins import choose_detector, choose_liveness, choose_matcher
from sealframe.server.payments.passwords import PasswordVerifier
from sealframe.server.payments.service import PaymentService
from sealframe.server.verification.thresholds import thresholds_at
from sealframe.server.verification.verifier import FaceVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.capture_context import SpliceRule
    from sealframe.faces.detection import LivenessCheck
    from sealframe.faces.matchers import Matcher, Thresholds
    from sealframe.keys import ServerKey
    from sealframe.server.storage.database import Database
    from sealframe.server.verification.template_vault import Vault


@dataclass(frozen=True, slots=True)
class FaceChoices:
    """How faces are found, compared and checked."""

    live: bool = False
    """Whether real money moves: that wants a face model, its calibration and a liveness check."""
    model: str | None = None
    """A face model's file, or MODULE:NAME of a matcher; the demo matcher by default."""
    calibration: str | None = None
    """The file of thresholds measured for this model, site and camera."""
    fmr: float = 1e-3
    """The false match rate to allow, above 0 and below 1."""
    detector: str = "cascade"
    """`cascade`, `centre`, or MODULE:NAME."""
    liveness: str | None = None
    """MODULE:NAME of a liveness check."""
    require_liveness: bool = False
    """Whether no payment goes without a passed one; `live` implies it."""


def build_service(
    server_keys: Sequence[ServerKey],
    vault: Vault,
    open_database: Callable[[], Database],
    choices: FaceChoices,
    splice_rules: Sequence[SpliceRule] = (),
) -> PaymentService:
    """Put a payment service together.

    Parameters
    ----------
    server_keys
        The server's key, then former ones that still open.
    vault
        Encrypts enrolled faces.
    open_database
        Called last, when everything else is in order.
    choices
        How faces are found, compared and checked.
    splice_rules
        Rules of the terminals' own by which capture contexts may be written.

    Returns
    -------
    PaymentService
        It owns the database.

    Raises
    ------
    PolicyError
        When the choices do not go together, or one of them cannot be loaded.
    ModelError
        When the face model or its calibration cannot be used.

    """
    matcher, thresholds = _matcher(choices)
    faces = FaceVerifier(
        vault=vault,
        matcher=matcher,
        thresholds=thresholds,
        detector=choose_detector(choices.detector),
        liveness=_liveness(choices),
    )
    return PaymentService(server_keys, open_database(), faces, PasswordVerifier(), splice_rules=splice_rules)


def _matcher(choices: FaceChoices) -> tuple[Matcher, Thresholds]:
    matcher = choose_matcher(choices.model)
    if matcher.demo and choices.live:
        raise PolicyError("--mode live does not allow the demo matcher; give a face model with --model.")
    if matcher.demo and not choices.calibration:
        return matcher, DEMO_THRESHOLDS
    if not choices.calibration:
        raise PolicyError(
            "--model needs its measured thresholds; give the file of sealframe calibrate with --calibration."
        )
    return matcher, thresholds_at(choices.calibration, matcher, choices.fmr)


def _liveness(choices: FaceChoices) -> LivenessCheck:
    required = choices.require_liveness or choices.live
    if choices.liveness is None:
        if required:
            raise PolicyError(
                "A liveness check is required (--require-liveness or --mode live); name the check with --liveness."
            )
        return NoLiveness()
    check = choose_liveness(choices.liveness)
    return RequireLiveness(check) if required else check
