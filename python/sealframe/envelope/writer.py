"""Sealing: from security factor, data and payload to an envelope."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cryptography.cobblestone import Cobblestone256Encryptor

from sealframe.envelope import schedule
from sealframe.envelope.layout import MAX_DATA_BYTES, MAX_RECIPIENTS, Buffer, Header, Mode, content_bytes
from sealframe.errors import PolicyError
from sealframe.keys import SharedKey
from sealframe.keys.recipient import CONTENT_KEY_BYTES

if TYPE_CHECKING:
    from sealframe.keys import DeviceKey, ServerPublic
    from sealframe.security_factor import SecurityFactor

_LENGTH = struct.Struct(">I")
_MESSAGE_ID_BYTES = 16


class EnvelopeWriter:
    """Writes envelopes from one device to one set of recipients. Thread-safe.

    `to` is a server's public key or a shared key, or up to 16 of one suite; `clock` gives Unix seconds.
    Raises PolicyError for recipients that cannot share an envelope.
    """

    def __init__(
        self,
        to: ServerPublic | SharedKey | Sequence[ServerPublic | SharedKey],
        device: DeviceKey,
        *,
        mode: int = Mode.MESSAGE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        recipients = list(to) if isinstance(to, Sequence) else [to]
        self._recipients = sorted(recipients, key=lambda recipient: recipient.key_id)
        self._ids = tuple(recipient.key_id for recipient in self._recipients)
        self._device = device
        self._mode = mode
        self._clock = clock
        _require_compatible(self._recipients)

    def write(self, profile: int, security_factor: SecurityFactor, data: bytes, payload: Buffer) -> bytes:
        """Seal. The digests in `security_factor` must be those of `data` and `payload`.

        Raises PolicyError for more than 64 KiB of data, and for a key that does not count now.
        """
        if len(data) > MAX_DATA_BYTES:
            raise PolicyError(f"Application data is at most {MAX_DATA_BYTES} bytes; send less.")
        self._require_valid_keys()
        content_key = secrets.token_bytes(CONTENT_KEY_BYTES)
        factor = security_factor.encode()
        preamble = b"".join((_LENGTH.pack(len(factor)), factor, _LENGTH.pack(len(data)), data))
        header = Header(
            suite=self._recipients[0].suite,
            sign_version=self._device.public.sign_version,
            mode=self._mode,
            profile=profile,
            content_len=content_bytes(len(preamble) + memoryview(payload).nbytes),
            signer=self._device.key_id,
            message_id=secrets.token_bytes(_MESSAGE_ID_BYTES),
            factor_tag=schedule.factor_tag(content_key, factor),
            recipients=self._ids,
        )
        fixed = header.fixed()
        header_hash = schedule.header_hash(fixed, self._ids)
        blocks = [self._block(recipient, content_key, header_hash, header) for recipient in self._recipients]
        signature = self._device.sign(schedule.signed_digest(fixed, blocks))
        encryptor = Cobblestone256Encryptor(content_key, schedule.content_context(header_hash))
        content = (encryptor.update(preamble), encryptor.update(payload), encryptor.finalize())
        return b"".join((fixed, *blocks, signature, *content))

    def _block(
        self, recipient: ServerPublic | SharedKey, content_key: bytes, header_hash: bytes, header: Header
    ) -> bytes:
        if isinstance(recipient, SharedKey):
            info = schedule.shared_wrap_info(header_hash, recipient.key_id)
            return recipient.key_id + recipient.wrap(content_key, info, header.message_id)
        return recipient.key_id + recipient.wrap(content_key, schedule.wrap_info(header_hash, recipient.key_id))

    def _require_valid_keys(self) -> None:
        now = int(self._clock() * 1000)
        self._device.public.validity.require(now, "device key")
        for recipient in self._recipients:
            recipient.validity.require(now, "recipient's key")


def _require_compatible(recipients: Sequence[ServerPublic | SharedKey]) -> None:
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise PolicyError(f"An envelope has 1 to {MAX_RECIPIENTS} recipients; seal several envelopes for more.")
    if len({recipient.key_id for recipient in recipients}) != len(recipients):
        raise PolicyError("A recipient is named twice; name each once.")
    if len({recipient.suite for recipient in recipients}) != 1:
        raise PolicyError("The recipients' keys are of different suites; seal one envelope for each suite.")
