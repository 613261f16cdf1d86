"""Key ids, and what every holder of a secret has in common."""

from __future__ import annotations

import hashlib
from typing import NoReturn

KEY_ID_BYTES = 16


def key_id_of(kind: int, raw_public_key: bytes) -> bytes:
    """Return the 16 bytes by which an envelope names a public key.

    Parameters
    ----------
    kind : int
        The signature version for signing keys, 0x40 + suite for recipient keys. So the same bytes used for two purposes
        are two keys.
    raw_public_key : bytes
        The raw public key.

    Returns
    -------
    bytes
        The first 16 bytes of a SHA-256 digest (FIPS 180-4).
    """
    return hashlib.sha256(b"sealframe/v1/key-id" + bytes([kind]) + raw_public_key).digest()[:KEY_ID_BYTES]


class Unpicklable:
    """Base class: `repr()` shows no secret, copying and pickling raise TypeError."""

    def __repr__(self) -> str:
        key_id: bytes | None = getattr(self, "key_id", None)
        return f"<{type(self).__name__} {key_id.hex()}>" if key_id else f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"A {type(self).__name__} holds keys and cannot be copied or pickled; create one in each process."
        )
