"""Framing: where each byte of an envelope stands, and the one form it may have."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sealframe.errors import MalformedEnvelope, UnsupportedEnvelope
from sealframe.keys.recipient import ENCAPSULATION_BYTES, WRAPPED_KEY_BYTES, suite_name
from sealframe.keys.secrecy import KEY_ID_BYTES
from sealframe.keys.signing import SignVersion, sign_name, signature_bytes

if TYPE_CHECKING:
    from sealframe.files import Buffer

MAGIC = b"\x89SLF"
VERSION = 1
FIXED_BYTES = 88
MAX_RECIPIENTS = 16
MAX_DATA_BYTES = 65536
MAX_ENVELOPE_BYTES = 1 << 30

_FIXED = struct.Struct(">4sBBBBHHIQ16s16s32s")
_CHUNK = 16384
_TAG = 16
_CONTENT_PREFIX = 56
_KIND_BYTES = 8


class Mode(IntEnum):
    """What an envelope is for."""

    MESSAGE = 0
    SESSION_OPEN = 1
    SESSION_FRAME = 2


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed 88 bytes and the recipients' key ids: all that anyone can see.

    Parameters
    ----------
    suite : int
        How the content key reaches the recipients, a `Suite`.
    sign_version : int
        Signature algorithm, a `SignVersion`.
    mode : int
        0 for a message, 1 for the opening of a session.
    profile : int
        Number of the factor profile, 0 to 65535.
    content_len : int
        Bytes of the encrypted content.
    signer : bytes
        Key id of the device, 16 bytes.
    message_id : bytes
        16 random bytes.
    factor_tag : bytes
        HMAC-SHA256 (RFC 2104) of the security factor, 32 bytes.
    recipients : tuple of bytes
        Key ids of 1 to 16 recipients, 16 bytes each, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    >>> header = opener.open(sealer.seal(np.zeros((48, 64), np.uint8))).header
    >>> header.signer == device.key_id, header.profile
    (True, 1)
    """

    suite: int
    sign_version: int
    mode: int
    profile: int
    content_len: int
    signer: bytes
    message_id: bytes
    factor_tag: bytes
    recipients: tuple[bytes, ...]

    @property
    def header_len(self) -> int:
        """Bytes before the signature: 88, and a block for each recipient."""
        return FIXED_BYTES + len(self.recipients) * block_bytes(self.suite)

    def fixed(self) -> bytes:
        """Write the fixed part of the header.

        Returns
        -------
        bytes
            The first 88 bytes of the envelope.
        """
        return _FIXED.pack(
            MAGIC,
            VERSION,
            self.suite,
            self.sign_version,
            self.mode,
            len(self.recipients),
            self.profile,
            self.header_len,
            self.content_len,
            self.signer,
            self.message_id,
            self.factor_tag,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the header as JSON values.

        Returns
        -------
        dict of str to object
            Names in place of numbers; ids and tag in hexadecimal.
        """
        return {
            "version": VERSION,
            "suite": suite_name(self.suite),
            "sign": sign_name(self.sign_version),
            "mode": Mode(self.mode).name.lower().replace("_", "-"),
            "factor_profile": self.profile,
            "recipients": [key_id.hex() for key_id in self.recipients],
            "signer": self.signer.hex(),
            "message_id": self.message_id.hex(),
            "factor_tag": self.factor_tag.hex(),
            "header_bytes": self.header_len,
            "signature_bytes": signature_bytes(self.sign_version),
            "content_bytes": self.content_len,
            "payload_bytes_at_most": plaintext_bytes(self.content_len),
        }


class Parts(NamedTuple):
    """An envelope cut at its borders; the content, as far as it is there, is a view into the caller's bytes."""

    header: Header
    fixed: bytes
    blocks: tuple[bytes, ...]
    signature: bytes
    content: memoryview

    @property
    def start(self) -> bytes:
        """All that stands before the content."""
        return b"".join((self.fixed, *self.blocks, self.signature))


def inspect(envelope: Buffer) -> dict[str, Any]:
    """Return the public facts of an envelope; nothing of them is verified.

    Parameters
    ----------
    envelope : bytes-like
        A whole envelope.

    Returns
    -------
    dict of str to object
        JSON values, as `Header.to_dict` returns them.

    Raises
    ------
    MalformedEnvelope, UnsupportedEnvelope
        When the bytes are no envelope that is known here.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import inspect
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> facts = inspect(sealer.seal(np.zeros((48, 64), np.uint8)))
    >>> facts["suite"], facts["sign"], facts["mode"]
    ('x-wing', 'ed25519', 'message')
    """
    return split_envelope(envelope).header.to_dict()


def split_envelope(envelope: Buffer, max_bytes: int = MAX_ENVELOPE_BYTES) -> Parts:
    """Split an envelope into its parts. Nothing is allocated by a length that the envelope only claims.

    Raises MalformedEnvelope unless every length is exact and the recipients are sorted, UnsupportedEnvelope for
    an unknown version, suite, signature or mode.
    """
    return _whole(split_start(_view_of(envelope, max_bytes)))


def complete_parts(start: Parts, envelope: Buffer, max_bytes: int = MAX_ENVELOPE_BYTES) -> Parts:
    """The parts of a whole envelope of which `split_start` gave the start: nothing is parsed twice.

    Raises MalformedEnvelope unless the envelope begins with that start and its length is exact.
    """
    view, before = _view_of(envelope, max_bytes), start.start
    if bytes(view[: len(before)]) != before:
        raise MalformedEnvelope(
            "The envelope's header differs from the header that was checked; send the envelope again."
        )
    return _whole(start._replace(content=view[len(before) :]))


def _view_of(envelope: Buffer, max_bytes: int) -> memoryview:
    view = memoryview(envelope).cast("B")
    if len(view) > max_bytes:
        raise MalformedEnvelope(f"The envelope is larger than the {max_bytes} bytes allowed; send a smaller picture.")
    return view


def _whole(parts: Parts) -> Parts:
    if len(parts.content) != parts.header.content_len:
        raise _malformed()
    return parts


def split_start(start: Buffer) -> Parts:
    """As `split_envelope`, of an envelope whose content may not have arrived yet: what is not there is not missed."""
    view = memoryview(start).cast("B")
    fixed = bytes(view[:FIXED_BYTES])
    lengths = _LENGTHS.get(fixed[:_KIND_BYTES])
    if lengths is None:
        raise _unknown_kind(fixed)
    if len(fixed) < FIXED_BYTES:
        raise _malformed()
    block, signature = lengths
    (_, _, suite, sign_version, mode, count, profile, header_len, content_len, signer, message_id, factor_tag) = (
        _FIXED.unpack(fixed)
    )
    if not 1 <= count <= MAX_RECIPIENTS or header_len != FIXED_BYTES + count * block or header_len > len(view):
        raise _malformed()
    blocks = tuple([bytes(view[start : start + block]) for start in range(FIXED_BYTES, header_len, block)])
    recipients = tuple([one[:KEY_ID_BYTES] for one in blocks])
    header = Header(suite, sign_version, mode, profile, content_len, signer, message_id, factor_tag, recipients)
    content_start = header_len + signature
    if content_start > len(view) or not is_content_length(content_len):
        raise _malformed()
    for first, second in pairwise(recipients):
        if first >= second:
            raise MalformedEnvelope(
                "The recipients of the envelope are not sorted, or one is listed twice; seal the picture again."
            )
    return Parts(header, fixed, blocks, bytes(view[header_len:content_start]), view[content_start:])


def block_bytes(suite: int) -> int:
    """Length of one recipient block: key id, HPKE encapsulation, wrapped content key."""
    return KEY_ID_BYTES + ENCAPSULATION_BYTES[suite] + WRAPPED_KEY_BYTES


def content_bytes(plaintext_len: int) -> int:
    """Length of the content for a plaintext: salt and commitment, then a tag for each 16 KiB begun."""
    return _CONTENT_PREFIX + plaintext_len + _TAG * (plaintext_len // _CHUNK + 1)


def plaintext_bytes(content_len: int) -> int:
    """Inverse of `content_bytes`."""
    body = content_len - _CONTENT_PREFIX
    return body - _TAG * (body // (_CHUNK + _TAG) + 1)


def is_content_length(content_len: int) -> bool:
    """Whether some plaintext gives a content of this length."""
    return content_len >= _CONTENT_PREFIX + _TAG and content_bytes(plaintext_bytes(content_len)) == content_len


def _unknown_kind(start: bytes) -> MalformedEnvelope | UnsupportedEnvelope:
    """Magic first, then what a newer writer might have changed, so that the message names the cause."""
    if start[:4] != MAGIC or len(start) < _KIND_BYTES:
        return MalformedEnvelope("This is not a sealframe envelope; give a .seal file.")
    version, suite, sign_version, mode = start[4:_KIND_BYTES]
    if version != VERSION:
        return UnsupportedEnvelope(f"The envelope has the unknown format version {version}; update sealframe.")
    if suite not in ENCAPSULATION_BYTES:
        return UnsupportedEnvelope(f"The envelope uses suite {suite}, which is unknown; update sealframe.")
    if mode == Mode.SESSION_FRAME:
        return UnsupportedEnvelope("This is a frame of a session; open the frame with the session that it belongs to.")
    if sign_version not in frozenset(SignVersion):
        return UnsupportedEnvelope(f"The envelope uses signature {sign_version}, which is unknown; update sealframe.")
    return UnsupportedEnvelope(f"The envelope has mode {mode}, which is not a message; update sealframe.")


def _malformed() -> MalformedEnvelope:
    return MalformedEnvelope("The envelope is truncated or has extra bytes; get a fresh copy of the envelope.")


_LENGTHS = {
    bytes((*MAGIC, VERSION, suite, sign_version, mode)): (block_bytes(suite), signature_bytes(sign_version))
    for suite in ENCAPSULATION_BYTES
    for sign_version in SignVersion
    for mode in (Mode.MESSAGE, Mode.SESSION_OPEN)
}
"""Bytes of a recipient block and of the signature, by the start of every kind of message that is read."""
MAX_START_BYTES = (
    FIXED_BYTES + MAX_RECIPIENTS * max(map(block_bytes, ENCAPSULATION_BYTES)) + max(map(signature_bytes, SignVersion))
)
"""So many bytes stand before the content at most."""
