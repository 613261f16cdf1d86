"""The start of an envelope, all that stands before its content: parsed once, and checked while the rest arrives."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sealframe.envelope import check_start
from sealframe.envelope.layout import split_start
from sealframe.errors import BadSignature, PolicyError, UnknownKey
from sealframe.payment_protocol import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealframe.envelope import Policy, SignedStart
    from sealframe.envelope.layout import Parts
    from sealframe.files import Buffer
    from sealframe.keys import DevicePublic, ServerKey

_MOST_KEPT = 4096
_Known = TypeVar("_Known", "dict[bytes, DevicePublic]", set[bytes])

_log = logging.getLogger("sealframe.server")


@dataclass(frozen=True, slots=True, repr=False)
class EnvelopeStart:
    """An envelope's start.

    Parameters
    ----------
    parts : Parts
        What it was parsed into.
    digest : bytes
        Its SHA-256, 32 bytes.
    signed : SignedStart or None
        The same, once the signature of its device was found good.

    """

    parts: Parts
    digest: bytes
    signed: SignedStart | None = None

    @classmethod
    def parse(cls, first: Buffer) -> EnvelopeStart:
        """Parse an envelope of which at least the start has arrived.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope
            When this is not the start of an envelope that is known here.

        """
        parts = split_start(first)
        return cls(parts, hashlib.sha256(parts.start).digest())


class StartVerifier:
    """Checks the starts of envelopes, and remembers a few devices and starts so that this needs no database.

    Parameters
    ----------
    keys : sequence of ServerKey
        Keys that open envelopes.
    policy : Policy
        What is allowed.
    clock : callable
        Unix seconds, for the validity of devices.

    """

    def __init__(self, keys: Sequence[ServerKey], policy: Policy, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._policy = policy
        self._clock = clock
        self._verified: dict[bytes, DevicePublic] = {}
        self._opened: set[bytes] = set()

    def recognise(self, first: bytes) -> EnvelopeStart:
        """Parse a start, and check it where that needs to wait for nothing.

        Not checked are starts of devices that were not verified before, and those that were opened before: their
        answer may be stored.

        Parameters
        ----------
        first : bytes
            An envelope's first bytes, MAX_START_BYTES or all.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope
            When this is not the start of an envelope that is known here.
        BadSignature
            When a device that was verified before did not sign this.

        """
        start = EnvelopeStart.parse(first)
        if start.digest in self._opened:
            return start
        try:
            return replace(start, signed=self._check(start, self._verified))
        except (UnknownKey, PolicyError):
            return start

    def verify(self, start: EnvelopeStart, device: DevicePublic) -> SignedStart:
        """The start, signed by this device; checked unless `recognise` found just that.

        Raises
        ------
        BadSignature, UnknownKey, PolicyError
            When it is not signed by the device, not for this server, or not allowed.

        """
        if start.signed is not None and start.signed.signer == device:
            return start.signed
        signed = self._check(start, {device.key_id: device})
        _make_room(self._verified)[device.key_id] = device
        return signed

    def remember_opened(self, start: EnvelopeStart) -> None:
        """`recognise` does not check this start again."""
        _make_room(self._opened).add(start.digest)

    def _check(self, start: EnvelopeStart, devices: Mapping[bytes, DevicePublic]) -> SignedStart:
        try:
            return check_start(start.parts, self._keys, devices, self._policy, clock=self._clock)
        except BadSignature:
            _log.info("refused", extra={"code": Code.REJECTED.value, "why": BadSignature.__name__})
            raise


def _make_room(known: _Known) -> _Known:
    """Room for one more, so that what is remembered stays small."""
    if len(known) >= _MOST_KEPT:
        known.clear()
    return known
