"""Signature algorithms, by the number that an envelope carries.

A signature version is a sequence of component algorithms: one for the plain versions, two for the hybrid one. The
public keys and signatures of the hybrid are concatenated, and both must verify. What is signed is always a 32-byte
digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sealframe.errors import BadSignature, KeyFileError
from sealframe.keys.key_file import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PKCS8_LABEL = "PRIVATE KEY"


class SignVersion(IntEnum):
    """Signature algorithms of an envelope, by number.

    Notes
    -----
    - Ed25519: RFC 8032.
    - ML-DSA-44 and ML-DSA-65: FIPS 204.
    - ECDSA over P-256 with SHA-256: FIPS 186-5.

    Examples
    --------
    >>> from sealframe.keys import SIGN_NAMES, SignVersion
    >>> SIGN_NAMES["ed25519+ml-dsa-65"] is SignVersion.ED25519_ML_DSA_65
    True
    """

    ED25519 = 1
    ML_DSA_44 = 2
    ML_DSA_65 = 3
    ED25519_ML_DSA_65 = 4
    ECDSA_P256 = 5


SIGN_NAMES = {
    "ed25519": SignVersion.ED25519,
    "ml-dsa-44": SignVersion.ML_DSA_44,
    "ml-dsa-65": SignVersion.ML_DSA_65,
    "ed25519+ml-dsa-65": SignVersion.ED25519_ML_DSA_65,
    "ecdsa-p256": SignVersion.ECDSA_P256,
}


def sign_name(sign_version: int) -> str:
    """The name of a signature version, as people write it."""
    return next(name for name, version in SIGN_NAMES.items() if version == sign_version)


@dataclass(frozen=True, slots=True)
class _Component:
    """One algorithm. Private and public keys are objects of the `cryptography` package."""

    private_type: type
    public_bytes: int
    signature_bytes: int
    generate: Callable[[], Any]
    load: Callable[[bytes], Any]
    raw: Callable[[Any], bytes]
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _sign_ecdsa(private: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(digest, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


def _verify_ecdsa(public: ec.EllipticCurvePublicKey, signature: bytes, digest: bytes) -> None:
    """Accept only the smaller of s and n - s, so that nobody can rewrite a signature."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > _P256_ORDER // 2:
        raise InvalidSignature
    public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(hashes.SHA256()))


def _sign(private: Any, digest: bytes) -> bytes:
    return bytes(private.sign(digest))


def _verify(public: Any, signature: bytes, digest: bytes) -> None:
    public.verify(signature, digest)


def _raw(public: Any) -> bytes:
    return bytes(public.public_bytes_raw())


_ED25519 = _Component(
    private_type=ed25519.Ed25519PrivateKey,
    public_bytes=32,
    signature_bytes=64,
    generate=ed25519.Ed25519PrivateKey.generate,
    load=ed25519.Ed25519PublicKey.from_public_bytes,
    raw=_raw,
    sign=_sign,
    verify=_verify,
)
_ML_DSA_44 = _Component(
    private_type=mldsa.MLDSA44PrivateKey,
    public_bytes=1312,
    signature_bytes=2420,
    generate=mldsa.MLDSA44PrivateKey.generate,
    load=mldsa.MLDSA44PublicKey.from_public_bytes,
    raw=_raw,
    sign=_sign,
    verify=_verify,
)
_ML_DSA_65 = _Component(
    private_type=mldsa.MLDSA65PrivateKey,
    public_bytes=1952,
    signature_bytes=3309,
    generate=mldsa.MLDSA65PrivateKey.generate,
    load=mldsa.MLDSA65PublicKey.from_public_bytes,
    raw=_raw,
    sign=_sign,
    verify=_verify,
)
_ECDSA_P256 = _Component(
    private_type=ec.EllipticCurvePrivateKey,
    public_bytes=33,
    signature_bytes=64,
    generate=lambda: ec.generate_private_key(ec.SECP256R1()),
    load=lambda raw: ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw),
    raw=lambda public: public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint),
    sign=_sign_ecdsa,
    verify=_verify_ecdsa,
)
_COMPONENTS: dict[int, tuple[_Component, ...]] = {
    SignVersion.ED25519: (_ED25519,),
    SignVersion.ML_DSA_44: (_ML_DSA_44,),
    SignVersion.ML_DSA_65: (_ML_DSA_65,),
    SignVersion.ED25519_ML_DSA_65: (_ED25519, _ML_DSA_65),
    SignVersion.ECDSA_P256: (_ECDSA_P256,),
}


_SIGNATURE_BYTES = {
    version: sum(component.signature_bytes for component in components) for version, components in _COMPONENTS.items()
}


def signature_bytes(sign_version: int) -> int:
    """Length of a signature; KeyError for an undefined version."""
    return _SIGNATURE_BYTES[sign_version]


class VerifyingKey:
    """The public half of a signing key, from its raw bytes.

    Raises ValueError when the version is undefined or the bytes are no such key.
    """

    def __init__(self, sign_version: int, raw: bytes) -> None:
        self._components = _COMPONENTS.get(sign_version, ())
        lengths = [component.public_bytes for component in self._components]
        if not lengths or len(raw) != sum(lengths):
            raise ValueError("not a public key of this signature version")
        pieces = _cut(raw, lengths)
        self._keys = [part.load(piece) for part, piece in zip(self._components, pieces, strict=True)]
        self._lengths = [component.signature_bytes for component in self._components]
        self._signature_bytes = sum(self._lengths)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Raise BadSignature unless every component signed this digest."""
        if len(signature) != self._signature_bytes:
            raise _bad_signature()
        pieces = _cut(signature, self._lengths)
        try:
            for component, key, piece in zip(self._components, self._keys, pieces, strict=True):
                component.verify(key, piece, digest)
        except InvalidSignature as error:
            raise _bad_signature() from error


class SigningKey:
    """The private half: the component keys of a signature version."""

    def __init__(self, sign_version: int, private_keys: Sequence[Any]) -> None:
        self.sign_version = sign_version
        self._components = _COMPONENTS[sign_version]
        self._keys = list(private_keys)
        pairs = zip(self._components, self._keys, strict=True)
        self.raw_public = b"".join(component.raw(key.public_key()) for component, key in pairs)

    @classmethod
    def generate(cls, sign: str) -> SigningKey:
        """A new key; `sign` is one of SIGN_NAMES, ValueError otherwise."""
        if sign not in SIGN_NAMES:
            raise ValueError(f"the signature must be one of {', '.join(SIGN_NAMES)}")
        version = SIGN_NAMES[sign]
        return cls(version, [component.generate() for component in _COMPONENTS[version]])

    @classmethod
    def from_blocks(cls, sign_version: int, blocks: Sequence[Block]) -> SigningKey:
        """The key from its PKCS8 blocks; KeyFileError when they are others."""
        types = [component.private_type for component in _COMPONENTS[sign_version]]
        return cls(sign_version, load_pkcs8(blocks, types))

    def blocks(self) -> list[Block]:
        """One PKCS8 block for each component."""
        return [pkcs8_block(key) for key in self._keys]

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest."""
        pairs = zip(self._components, self._keys, strict=True)
        return b"".join(component.sign(key, digest) for component, key in pairs)


def pkcs8_block(private_key: Any) -> Block:
    """A private key of the `cryptography` package as a PKCS8 block."""
    content = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Block(PKCS8_LABEL, content)


def load_pkcs8(blocks: Sequence[Block], types: Sequence[type]) -> list[Any]:
    """The private keys in PKCS8 blocks; KeyFileError unless they are of these types, in this order."""
    try:
        keys = [serialization.load_der_private_key(block.content, None) for block in blocks]
    except Exception as error:
        raise KeyFileError("A private key in the file is damaged; use a fresh copy of the file.") from error
    labels = [block.label for block in blocks]
    fitting = len(keys) == len(types) and all(map(isinstance, keys, types))
    if not fitting or labels != [PKCS8_LABEL] * len(types):
        raise KeyFileError(
            "The private keys in the file differ from those that its record names; use a fresh copy of the file."
        )
    return keys


def _cut(joined: bytes, lengths: Sequence[int]) -> list[bytes]:
    pieces = []
    for length in lengths:
        pieces.append(joined[:length])
        joined = joined[length:]
    return pieces


def _bad_signature() -> BadSignature:
    return BadSignature("The signature does not verify: the envelope was altered, or another device signed it.")
