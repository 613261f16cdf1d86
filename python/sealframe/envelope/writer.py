"""Sealing: from security factor, data and payload to an envelope."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.envelope import schedule
from sealframe.envelope.answer import AnswerKey
from sealframe.envelope.buffers import writable_bytes
from sealframe.envelope.content import Draft, draft_content, encrypt, encrypt_into
from sealframe.envelope.layout import MAX_RECIPIENTS, Header, Mode
from sealframe.envelope.session import SessionWriter
from sealframe.envelope.session_secret import SessionSecret
from sealframe.errors import LimitExceeded, PolicyError
from sealframe.keys import SharedKey
from sealframe.keys.recipient import CONTENT_KEY_BYTES

if TYPE_CHECKING:
    from sealframe.files import Buffer
    from sealframe.keys import DeviceKey, ServerPublic
    from sealframe.security_factor import SecurityFactor

_MESSAGE_ID_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class _Head:
    """Everything of an envelope before its content, and the key of the content."""

    written: bytes
    header_hash: bytes
    content_key: bytes

    @property
    def context(self) -> bytes:
        return schedule.content_context(self.header_hash)


class EnvelopeWriter:
    """Writes envelopes from one device to one set of recipients. Thread-safe.

    Parameters
    ----------
    to : ServerPublic, SharedKey or sequence of these
        Who can open: 1 to 16 recipients of one suite.
    device : DeviceKey
        Who signs.
    clock : callable
        Returns Unix seconds.

    Raises
    ------
    LimitExceeded
        For no recipient, or more than 16.
    PolicyError
        For recipients of different suites, or one that is named twice.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import EnvelopeWriter
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> factor, payload = sealer.security_factor_of(np.zeros((48, 64), np.uint8), b"order 17")
    >>> envelope = EnvelopeWriter(server.public, device).write(1, factor, b"order 17", payload)
    """

    def __init__(
        self,
        to: ServerPublic | SharedKey | Sequence[ServerPublic | SharedKey],
        device: DeviceKey,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        recipients = list(to) if isinstance(to, Sequence) else [to]
        self._recipients = sorted(recipients, key=lambda recipient: recipient.key_id)
        self._ids = tuple(recipient.key_id for recipient in self._recipients)
        self._device = device
        self._clock = clock
        _require_compatible(self._recipients)

    def write(self, profile: int, security_factor: SecurityFactor, data: bytes, payload: Buffer) -> bytes:
        """Seal a message.

        Parameters
        ----------
        profile : int
            Number of the factor profile, 0 to 65535.
        security_factor : SecurityFactor
            With the digests of `data` and `payload`.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        bytes
            The envelope.

        Raises
        ------
        ValueError
            When the security factor holds no digest of the payload.
        LimitExceeded
            When `data` is longer than 64 KiB.
        KeyNotValid
            When a key is not valid now.
        """
        draft = _draft_message(security_factor, data, payload)
        head = self._head(profile, Mode.MESSAGE, draft)
        return encrypt(head.written, draft, head.content_key, head.context)

    def write_request(
        self, profile: int, security_factor: SecurityFactor, data: bytes, payload: Buffer
    ) -> tuple[bytes, AnswerKey]:
        """Seal a message, and keep what is needed to read its answer.

        Parameters
        ----------
        profile : int
            Number of the factor profile, 0 to 65535.
        security_factor : SecurityFactor
            With the digests of `data` and `payload`.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        tuple of (bytes, AnswerKey)
            The envelope, and the key of its answer.

        Raises
        ------
        ValueError
            When the security factor holds no digest of the payload.
        LimitExceeded
            When `data` is longer than 64 KiB.
        KeyNotValid
            When a key is not valid now.
        """
        draft = _draft_message(security_factor, data, payload)
        head = self._head(profile, Mode.MESSAGE, draft)
        envelope = encrypt(head.written, draft, head.content_key, head.context)
        return envelope, AnswerKey(head.header_hash, schedule.answer_key(head.content_key))

    def write_into(
        self, out: Buffer, profile: int, security_factor: SecurityFactor, data: bytes, payload: Buffer
    ) -> int:
        """Seal a message into the start of a buffer.

        Parameters
        ----------
        out : writable buffer
            Where the envelope goes.
        profile : int
            Number of the factor profile, 0 to 65535.
        security_factor : SecurityFactor
            With the digests of `data` and `payload`.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        int
            Length of the envelope in bytes.

        Raises
        ------
        TypeError
            When the buffer is read-only.
        ValueError
            When it is too small or shares memory with the payload, or the security factor holds no digest of the
            payload.
        LimitExceeded
            When `data` is longer than 64 KiB.
        KeyNotValid
            When a key is not valid now.
        """
        room = writable_bytes(out, payload)
        draft = _draft_message(security_factor, data, payload)
        head = self._head(profile, Mode.MESSAGE, draft)
        return encrypt_into(room, head.written, draft, head.content_key, head.context)

    def open_session(
        self, profile: int, security_factor: SecurityFactor, data: bytes, payload: Buffer
    ) -> tuple[bytes, SessionWriter]:
        """Seal the signed message that opens a session.

        Parameters
        ----------
        profile : int
            Number of the factor profile, 0 to 65535.
        security_factor : SecurityFactor
            With the digests of `data` and `payload`.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        tuple of (bytes, SessionWriter)
            The envelope, and the writer of the frames that follow it.

        Raises
        ------
        PolicyError
            Unless there is exactly one recipient.
        ValueError
            When the security factor holds no digest of the payload.
        LimitExceeded
            When `data` is longer than 64 KiB.
        KeyNotValid
            When a key is not valid now.
        """
        if len(self._recipients) != 1:
            raise PolicyError("A session has exactly one recipient; open one session for each recipient.")
        draft = _draft_message(security_factor, data, payload)
        head = self._head(profile, Mode.SESSION_OPEN, draft)
        envelope = encrypt(head.written, draft, head.content_key, head.context)
        suite = self._recipients[0].suite
        return envelope, SessionWriter(SessionSecret.of_opening(suite, head.header_hash, head.content_key))

    def _head(self, profile: int, mode: Mode, draft: Draft) -> _Head:
        self._require_valid_keys()
        content_key = secrets.token_bytes(CONTENT_KEY_BYTES)
        header = Header(
            suite=self._recipients[0].suite,
            sign_version=self._device.public.sign_version,
            mode=mode,
            profile=profile,
            content_len=draft.content_len,
            signer=self._device.key_id,
            message_id=secrets.token_bytes(_MESSAGE_ID_BYTES),
            factor_tag=schedule.factor_tag(content_key, draft.factor),
            recipients=self._ids,
        )
        fixed = header.fixed()
        header_hash = schedule.header_hash(fixed, self._ids)
        blocks = [_block(recipient, content_key, header_hash, header.message_id) for recipient in self._recipients]
        signature = self._device.sign(schedule.signed_digest(fixed, blocks))
        return _Head(b"".join((fixed, *blocks, signature)), header_hash, content_key)

    def _require_valid_keys(self) -> None:
        now = int(self._clock() * 1000)
        self._device.public.validity.require(now, "device key")
        for recipient in self._recipients:
            recipient.validity.require(now, "recipient's key")


def _draft_message(security_factor: SecurityFactor, data: bytes, payload: Buffer) -> Draft:
    if not security_factor.payload_digest:
        raise ValueError("the security factor of a message must hold the digest of its payload")
    return draft_content(security_factor, data, payload)


def _block(recipient: ServerPublic | SharedKey, content_key: bytes, header_hash: bytes, message_id: bytes) -> bytes:
    if isinstance(recipient, SharedKey):
        info = schedule.shared_wrap_info(header_hash, recipient.key_id)
        return recipient.key_id + recipient.wrap(content_key, info, message_id)
    return recipient.key_id + recipient.wrap(content_key, schedule.wrap_info(header_hash, recipient.key_id))


def _require_compatible(recipients: Sequence[ServerPublic | SharedKey]) -> None:
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise LimitExceeded(f"An envelope must have 1 to {MAX_RECIPIENTS} recipients; seal several envelopes for more.")
    if len({recipient.key_id for recipient in recipients}) != len(recipients):
        raise PolicyError("A recipient is named twice; name every recipient once.")
    if len({recipient.suite for recipient in recipients}) != 1:
        raise PolicyError("The recipients' keys have different suites; seal one envelope for each suite.")
