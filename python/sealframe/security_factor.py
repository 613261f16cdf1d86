"""Security factor: image factor and capture context combined with the digests of what is sealed.

    u32 length | image factor | u32 length | capture context | SHA-256(data) | SHA-256(payload)

Lengths are big-endian. Session frames go without the last digest (docs/FORMAT.md says why). The whole stays inside the
envelope. Outside, only a keyed tag of it is visible.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sealframe.errors import MalformedEnvelope

MAX_PART_BYTES = 65536
DIGEST_BYTES = 32
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True, repr=False)
class SecurityFactor:
    """Everything that a sealing depends on.

    Parameters
    ----------
    image_factor : bytes
        Image factor, 1 to 65536 bytes.
    capture_context : bytes
        Capture context as `CaptureContext.encode` writes it, 1 to 65536 bytes.
    data_digest : bytes
        SHA-256 (FIPS 180-4) of the application's data, 32 bytes.
    payload_digest : bytes
        SHA-256 of the payload, 32 bytes; empty in a session frame.

    Raises
    ------
    ValueError
        When a part has another length.

    Examples
    --------
    >>> import hashlib
    >>> import sealframe as sf
    >>> context = sf.CaptureContext("POS-0001", 1, 1767225600000, 42, bytes(16), 640, 480)
    >>> digest = hashlib.sha256(b"").digest()
    >>> factor = sf.SecurityFactor(bytes(800), context.encode(), digest, digest)
    >>> sf.SecurityFactor.decode(factor.encode()) == factor
    True
    """

    image_factor: bytes
    capture_context: bytes
    data_digest: bytes
    payload_digest: bytes

    def __post_init__(self) -> None:
        for part in (self.image_factor, self.capture_context):
            if not 1 <= len(part) <= MAX_PART_BYTES:
                raise ValueError(f"image factor and capture context must have 1 to {MAX_PART_BYTES} bytes each")
        if len(self.data_digest) != DIGEST_BYTES or len(self.payload_digest) not in (0, DIGEST_BYTES):
            raise ValueError(f"digests must have {DIGEST_BYTES} bytes")

    def encode(self) -> bytes:
        """Write the factor in its one form.

        Returns
        -------
        bytes
            Both parts with their lengths, then the digests; no other factor gives the same bytes.
        """
        return b"".join(
            (
                _LENGTH.pack(len(self.image_factor)),
                self.image_factor,
                _LENGTH.pack(len(self.capture_context)),
                self.capture_context,
                self.data_digest,
                self.payload_digest,
            )
        )

    @classmethod
    def decode(cls, encoded: bytes, *, payload_digest: bool = True) -> SecurityFactor:
        """Read what `encode` wrote.

        Parameters
        ----------
        encoded : bytes
            The factor as `encode` writes it.
        payload_digest : bool
            Whether the digest of the payload is there; session frames have none.

        Returns
        -------
        SecurityFactor

        Raises
        ------
        MalformedEnvelope
            When `encode` would not have written these bytes.
        """
        image_factor, rest = _take(encoded)
        capture_context, digests = _take(rest)
        if len(digests) != DIGEST_BYTES * (1 + payload_digest):
            raise _malformed()
        try:
            return cls(image_factor, capture_context, digests[:DIGEST_BYTES], digests[DIGEST_BYTES:])
        except ValueError as error:
            raise _malformed() from error


def _take(encoded: bytes) -> tuple[bytes, bytes]:
    """Split a length-prefixed part from what follows it."""
    if len(encoded) < _LENGTH.size:
        raise _malformed()
    (length,) = _LENGTH.unpack_from(encoded)
    end = _LENGTH.size + length
    if end > len(encoded):
        raise _malformed()
    return encoded[_LENGTH.size : end], encoded[end:]


def _malformed() -> MalformedEnvelope:
    return MalformedEnvelope("The security factor in the envelope is not in its canonical form; refuse the capture.")
