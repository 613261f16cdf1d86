"""HPKE with X-Wing as `cryptography` has it: the suite of envelopes, and the peer that binds and signs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

X_WING = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def generate_key() -> hpke.MLKEM768X25519PrivateKey:
    """Generate a key pair of X-Wing."""
    return hpke.MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())


def seal_with_hpke(recipient: hpke.MLKEM768X25519PublicKey, frame: NDArray[np.uint8]) -> bytes:
    """Seal the bytes of a frame: nothing bound, nothing signed, nothing recomputed."""
    return bytes(X_WING.encrypt(frame.tobytes(), recipient, info=b"plain"))
