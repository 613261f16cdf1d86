"""Answers: what the server replies to an envelope, signed, bound to that envelope, and sealed where possible.

    magic 4 | version 1 | form 1 | signature version 1 | 0 | envelope id 32 | signer key id 16 | content

The content is body | signature: encrypted when the server could open the envelope (form 1), else clear (form 0).
The envelope id is the header hash, so an answer fits one envelope only. An unsigned reply is no answer.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from sealframe.envelope import schedule
from sealframe.envelope.layout import Parts, split_envelope
from sealframe.errors import (
    CannotOpen,
    KeyFileError,
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    UnknownKey,
    UnsupportedEnvelope,
)
from sealframe.keys.key_file import Block, PathLike, load_private, read_record, record_block, save_private
from sealframe.keys.secrecy import Unpicklable
from sealframe.keys.signing import SignVersion, signature_bytes

if TYPE_CHECKING:
    from sealframe.files import Buffer
    from sealframe.keys import ServerKey, ServerPublic

MAGIC = b"\x89SLA"
VERSION = 1
MAX_BODY_BYTES = 65536
_CLEAR, _ENCRYPTED = 0, 1
_HEADER = struct.Struct(">4sBBBB32s16s")
_LABEL = "SEALFRAME ANSWER"
_SECRET_LABEL = "SEALFRAME ANSWER SECRET"  # noqa: S105  (a PEM label)


class Answer(NamedTuple):
    """What a server said about an envelope.

    Parameters
    ----------
    body : bytes
        The answer, at most 64 KiB.
    confidential : bool
        Whether the answer was encrypted; false when the server could not open the envelope.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import write_clear_answer
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope, key = sealer.seal_request(np.zeros((48, 64), np.uint8))
    >>> key.read(write_clear_answer(server, envelope, b"unknown device"), server.public)
    Answer(body=b'unknown device', confidential=False)
    """

    body: bytes
    confidential: bool


class AnswerKey(Unpicklable):
    """What is needed to read, or to write, the confidential answer to one envelope.

    Whoever waits for an answer keeps this in a private file until the request is resolved.

    Parameters
    ----------
    envelope_id : bytes
        The 32 bytes that name the envelope: its header hash.
    key : bytes
        The 32-byte key of its answer.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope, key = sealer.seal_request(np.zeros((48, 64), np.uint8))
    >>> key.save("request.key")
    >>> opened = sf.Opener(server, devices=[device.public], freshness=sf.Archive()).open(envelope)
    >>> sf.AnswerKey.load("request.key").read(opened.answer(server, b"paid"), server.public).body
    b'paid'
    """

    def __init__(self, envelope_id: bytes, key: bytes) -> None:
        self.key_id = envelope_id
        self.envelope_id = envelope_id
        self._key = key

    def read(self, answer: Buffer, servers: ServerPublic | Sequence[ServerPublic]) -> Answer:
        """Read the answer, if one of these servers gave it to this envelope.

        Parameters
        ----------
        answer : bytes-like
            As it was received.
        servers : ServerPublic or sequence of these
            The servers whose signing keys are pinned.

        Returns
        -------
        Answer

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, CannotOpen, BadSignature
            When something is wrong with the answer.
        UnknownKey
            When another server signed it.
        PolicyError
            When it answers another envelope.
        """
        raw = bytes(answer)
        header = raw[: _HEADER.size]
        form, sign_version, envelope_id, signer_id = _parse_header(header)
        if not hmac.compare_digest(envelope_id, self.envelope_id):
            raise PolicyError("The answer belongs to another request; wait for the answer to this request.")
        server = _find_server(signer_id, servers)
        if server.sign_version != sign_version:
            raise PolicyError(
                "The answer names a signature that differs from that of the server's key; send the request again."
            )
        content = self._decrypt(header, raw[_HEADER.size :]) if form == _ENCRYPTED else raw[_HEADER.size :]
        body_len = len(content) - signature_bytes(sign_version)
        if not 0 <= body_len <= MAX_BODY_BYTES:
            raise _malformed()
        server.verify(content[body_len:], _signed_digest(header, content[:body_len]))
        return Answer(content[:body_len], form == _ENCRYPTED)

    def write(self, server: ServerKey, body: bytes) -> bytes:
        """Write the confidential answer, signed by the server.

        Parameters
        ----------
        server : ServerKey
            Who signs.
        body : bytes
            The answer, at most 64 KiB.

        Returns
        -------
        bytes
            The answer as `read` takes it.

        Raises
        ------
        LimitExceeded
            When `body` is longer than 64 KiB.
        """
        header, content = _signed(server, self.envelope_id, body, _ENCRYPTED)
        encryptor = Cobblestone256Encryptor(self._key, schedule.answer_context(header))
        return header + encryptor.update(content) + encryptor.finalize()

    def _decrypt(self, header: bytes, content: bytes) -> bytes:
        decryptor = Cobblestone256Decryptor(self._key, schedule.answer_context(header))
        try:
            return decryptor.update(content) + decryptor.finalize()
        except InvalidTag:
            raise CannotOpen("The answer cannot be opened; ask the server again.") from None

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the key to a file, mode 0600.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        overwrite : bool
            Whether an existing file is replaced.

        Raises
        ------
        KeyFileError
            When the file exists and `overwrite` is false, or it cannot be written.
        """
        save_private(path, self._record(), [Block(_SECRET_LABEL, self._key)], None, overwrite=overwrite)

    @classmethod
    def load(cls, path: PathLike) -> AnswerKey:
        """Read the key from its file.

        Parameters
        ----------
        path : str or os.PathLike
            The file, as `save` writes it.

        Returns
        -------
        AnswerKey

        Raises
        ------
        KeyFileError
            When that is not possible, or not safe because others may open the file.
        """
        block, secret_blocks = load_private(path, None)
        record = read_record(block, _LABEL, path)
        try:
            key = cls(bytes.fromhex(record["envelope_id"]), secret_blocks[0].content)
        except (KeyError, TypeError, ValueError):
            raise _damaged(path) from None
        lengths = [len(key.envelope_id), *(len(secret.content) for secret in secret_blocks)]
        if lengths != [32, 32] or secret_blocks[0].label != _SECRET_LABEL or key._record() != block:
            raise _damaged(path)
        return key

    def to_bytes(self) -> bytes:
        """Return the key as bytes, for a private journal of the caller's own.

        Returns
        -------
        bytes
            64 secret bytes.
        """
        return self.envelope_id + self._key

    @classmethod
    def from_bytes(cls, content: bytes) -> AnswerKey:
        """Read what `to_bytes` returned.

        Parameters
        ----------
        content : bytes
            64 bytes.

        Returns
        -------
        AnswerKey

        Raises
        ------
        ValueError
            For another length.
        """
        if len(content) != 64:
            raise ValueError("an answer key must have 64 bytes")
        return cls(content[:32], content[32:])

    def _record(self) -> Block:
        return record_block(_LABEL, {"envelope_id": self.envelope_id.hex()})


def write_clear_answer(server: ServerKey, envelope: Buffer | Parts, body: bytes) -> bytes:
    """Write the signed but readable answer to an envelope that the server could not open.

    Parameters
    ----------
    server : ServerKey
        Who signs.
    envelope : bytes-like or Parts
        The envelope as it was received, or its parts.
    body : bytes
        The answer, at most 64 KiB.

    Returns
    -------
    bytes
        The answer, as `AnswerKey.read` takes it.

    Raises
    ------
    MalformedEnvelope, UnsupportedEnvelope
        When there is no envelope to answer.
    LimitExceeded
        When `body` is longer than 64 KiB.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import write_clear_answer
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope, key = sealer.seal_request(np.zeros((48, 64), np.uint8))
    >>> key.read(write_clear_answer(server, envelope, b"unknown device"), server.public).body
    b'unknown device'
    """
    parts = envelope if isinstance(envelope, Parts) else split_envelope(envelope)
    header, content = _signed(server, schedule.header_hash(parts.fixed, parts.header.recipients), body, _CLEAR)
    return header + content


def _signed(server: ServerKey, envelope_id: bytes, body: bytes, form: int) -> tuple[bytes, bytes]:
    if len(body) > MAX_BODY_BYTES:
        raise LimitExceeded(f"The answer is larger than {MAX_BODY_BYTES} bytes; send less.")
    public = server.public
    header = _HEADER.pack(MAGIC, VERSION, form, public.sign_version, 0, envelope_id, public.signing_key_id)
    return header, body + server.sign(_signed_digest(header, body))


def _signed_digest(header: bytes, body: bytes) -> bytes:
    return hashlib.sha256(schedule.answer_context(header) + body).digest()


def _parse_header(header: bytes) -> tuple[int, int, bytes, bytes]:
    if len(header) < _HEADER.size or header[:4] != MAGIC:
        raise MalformedEnvelope("This is not the answer of a sealframe server; check the server's address.")
    _, version, form, sign_version, zero, envelope_id, signer_id = _HEADER.unpack(header)
    if version != VERSION or form not in (_CLEAR, _ENCRYPTED) or sign_version not in frozenset(SignVersion):
        raise UnsupportedEnvelope("The answer has an unknown version, form or signature; update sealframe.")
    if zero:
        raise _malformed()
    return form, sign_version, envelope_id, signer_id


def _find_server(signer_id: bytes, servers: ServerPublic | Sequence[ServerPublic]) -> ServerPublic:
    for server in servers if isinstance(servers, Sequence) else [servers]:
        if server.signing_key_id == signer_id:
            return server
    raise UnknownKey("The answer was signed by an unknown server; check the server's address and public key.")


def _malformed() -> MalformedEnvelope:
    return MalformedEnvelope("The answer is truncated or has extra bytes; send the request again.")


def _damaged(path: PathLike) -> KeyFileError:
    return KeyFileError(f"The answer key {path} is damaged; ask the server how the request ended.")
