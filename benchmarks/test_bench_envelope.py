"""The envelope alone, sealed and opened, beside bare ciphers and other libraries that seal to a key.

No factor is computed here: this is framing, hashing, wrapping, signing, encryption and all checks. sealframe's time
counts SHA-256 of the payload on both sides and the signature, which no peer has; "hashed and signed" adds both to a
peer. "the primitives alone" is what no framing around the same primitives can get below. Peers that are not installed
are left out (`pip install tink` for Tink). `--benchmark-timer=time.process_time` gives CPU instead of wall time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealframe.capture_context import CaptureContext
from sealframe.envelope import EnvelopeWriter, Policy, SessionReader, SessionWriter, unseal_envelope
from sealframe.keys import DeviceKey, ServerKey, Suite
from sealframe.security_factor import SecurityFactor
from xwing import X_WING, generate_key

PAYLOADS = {
    "640x480 raw": secrets.token_bytes(640 * 480 * 3),
    "1080p raw": secrets.token_bytes(1920 * 1080 * 3),
    "100 KB JPEG": secrets.token_bytes(100_000),
}
RoundTrip = Callable[[bytes], Callable[[], object]]
CONTEXT = CaptureContext("POS-0001", 1, 1_790_000_000_000, 1, bytes(16), 640, 480).encode()
EMPTY_DIGEST = hashlib.sha256(b"").digest()
FRAME_FACTOR = SecurityFactor(bytes(800), CONTEXT, EMPTY_DIGEST, b"")


def factor(payload: bytes) -> SecurityFactor:
    return SecurityFactor(bytes(800), CONTEXT, EMPTY_DIGEST, hashlib.sha256(payload).digest())


def sealframe(payload: bytes, suite: int = Suite.X_WING) -> Callable[[], object]:
    device, server = DeviceKey.generate("POS-0001"), ServerKey.generate(suite)
    writer, policy = EnvelopeWriter(server.public, device), Policy(suites=frozenset({suite}))
    devices = {device.key_id: device.public}
    return lambda: unseal_envelope(writer.write(1, factor(payload), b"", payload), server, devices, policy)


def sealframe_x25519(payload: bytes) -> Callable[[], object]:
    return sealframe(payload, Suite.X25519)


def sealframe_into(payload: bytes) -> Callable[[], object]:
    device, server = DeviceKey.generate("POS-0001"), ServerKey.generate()
    writer, devices = EnvelopeWriter(server.public, device), {device.key_id: device.public}
    sealed, opened = (bytearray(len(payload) + len(payload) // 512 + 8192) for _ in range(2))

    def round_trip() -> object:
        length = writer.write_into(sealed, 1, factor(payload), b"", payload)
        return unseal_envelope(memoryview(sealed)[:length], server, devices, out=opened)

    return round_trip


def session() -> tuple[SessionWriter, SessionReader]:
    device, server = DeviceKey.generate("POS-0001"), ServerKey.generate()
    opening, frames = EnvelopeWriter(server.public, device).open_session(1, factor(b""), b"", b"")
    policy = Policy(modes=frozenset({1}))
    return frames, SessionReader(unseal_envelope(opening, server, {device.key_id: device.public}, policy))


def sealframe_session(payload: bytes) -> Callable[[], object]:
    frames, reader = session()

    def round_trip() -> object:
        frame = reader.verify(frames.write(FRAME_FACTOR, b"", payload))
        reader.accept(frame.sequence)
        return frame

    return round_trip


def sealframe_session_into(payload: bytes) -> Callable[[], object]:
    frames, reader = session()
    sealed, opened = (bytearray(len(payload) + len(payload) // 512 + 8192) for _ in range(2))

    def round_trip() -> object:
        length = frames.write_into(sealed, FRAME_FACTOR, b"", payload)
        frame = reader.verify(memoryview(sealed)[:length], out=opened)
        reader.accept(frame.sequence)
        return frame

    return round_trip


def aes_gcm_into(payload: bytes) -> Callable[[], object]:
    cipher, nonce = AESGCM(secrets.token_bytes(32)), bytes(12)
    sealed, opened = bytearray(len(payload) + 16), bytearray(len(payload))

    def round_trip() -> object:
        cipher.encrypt_into(nonce, payload, None, sealed)
        return cipher.decrypt_into(nonce, sealed, None, opened)

    return round_trip


def aes_gcm_bytes(payload: bytes) -> Callable[[], object]:
    cipher, nonce = AESGCM(secrets.token_bytes(32)), bytes(12)
    return lambda: cipher.decrypt(nonce, cipher.encrypt(nonce, payload, None), None)


def sha256_twice(payload: bytes) -> Callable[[], object]:
    return lambda: hashlib.sha256(payload).digest() + hashlib.sha256(payload).digest()


def hpke_x_wing(payload: bytes) -> Callable[[], object]:
    private = generate_key()
    public = private.public_key()
    return lambda: X_WING.decrypt(X_WING.encrypt(payload, public), private)


def primitives_alone(payload: bytes) -> Callable[[], object]:
    """What a message needs, in its order and with nothing around it, into kept buffers.

    SHA-256, X-Wing of the content key, Ed25519, chunked cipher; then verify, unwrap, decrypt, SHA-256.
    """
    unwrapping = generate_key()
    wrapping = unwrapping.public_key()
    signing, key, digest = ed25519.Ed25519PrivateKey.generate(), bytes(32), bytes(32)
    verifying = signing.public_key()
    sealed, opened = bytearray(len(payload) + len(payload) // 512 + 128), bytearray(len(payload))

    def round_trip() -> object:
        hashlib.sha256(payload).digest()
        wrapped, signature = X_WING.encrypt(key, wrapping), signing.sign(digest)
        encryptor = Cobblestone256Encryptor(key, b"")
        end = encryptor.update_into(payload, sealed)
        last = encryptor.finalize()
        sealed[end : end + len(last)] = last
        verifying.verify(signature, digest)
        decryptor = Cobblestone256Decryptor(X_WING.decrypt(wrapped, unwrapping), b"")
        decryptor.update_into(memoryview(sealed)[: end + len(last)], opened)
        return decryptor.finalize(), hashlib.sha256(opened).digest()

    return round_trip


def hashed_and_signed(peer: RoundTrip) -> RoundTrip:
    """The peer, and what sealframe does besides sealing: SHA-256 of the payload on both sides, Ed25519."""

    def make(payload: bytes) -> Callable[[], object]:
        round_trip, key = peer(payload), ed25519.Ed25519PrivateKey.generate()
        public = key.public_key()

        def signed() -> object:
            signature = key.sign(hashlib.sha256(payload).digest())
            opened: Any = round_trip()
            public.verify(signature, hashlib.sha256(opened).digest())
            return opened

        return signed

    return make


def fernet(payload: bytes) -> Callable[[], object]:
    cipher = Fernet(Fernet.generate_key())
    return lambda: cipher.decrypt(cipher.encrypt(payload))


def pynacl_sealed_box(payload: bytes) -> Callable[[], object]:
    from nacl.public import PrivateKey, SealedBox

    private = PrivateKey.generate()
    sealing, opening = SealedBox(private.public_key), SealedBox(private)
    return lambda: opening.decrypt(sealing.encrypt(payload))


def pyrage_x25519(payload: bytes) -> Callable[[], object]:
    import pyrage

    private = pyrage.x25519.Identity.generate()
    public = private.to_public()
    return lambda: pyrage.decrypt(pyrage.encrypt(payload, [public]), [private])


def joserfc_jwe(payload: bytes) -> Callable[[], object]:
    from joserfc import jwe
    from joserfc.jwk import OKPKey

    key, header = OKPKey.generate_key("X25519"), {"alg": "ECDH-ES", "enc": "A256GCM"}
    registry = jwe.JWERegistry(algorithms=["ECDH-ES", "A256GCM"])
    registry.max_payload_length = registry.max_ciphertext_length = 1 << 25
    return lambda: jwe.decrypt_compact(
        jwe.encrypt_compact(header, payload, key, registry=registry), key, registry=registry
    )


def tink_x25519(payload: bytes) -> Callable[[], object]:
    return tink(payload, "DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM")


def tink_x_wing(payload: bytes) -> Callable[[], object]:
    return tink(payload, "X_WING_HKDF_SHA256_HKDF_SHA256_AES_256_GCM")


def tink(payload: bytes, template: str) -> Callable[[], object]:
    from tink import hybrid, new_keyset_handle

    hybrid.register()
    private = new_keyset_handle(getattr(hybrid.hybrid_key_templates, template))
    sealing = private.public_keyset_handle().primitive(hybrid.HybridEncrypt)
    opening = private.primitive(hybrid.HybridDecrypt)
    return lambda: opening.decrypt(sealing.encrypt(payload, b""), b"")


CASES: dict[str, tuple[RoundTrip, str]] = {
    "sealframe": (sealframe, "sealframe"),
    "sealframe, into buffers": (sealframe_into, "sealframe"),
    "sealframe, suite X25519": (sealframe_x25519, "sealframe"),
    "sealframe, session frame": (sealframe_session, "sealframe"),
    "sealframe, session frame into buffers": (sealframe_session_into, "sealframe"),
    "AES-256-GCM into buffers": (aes_gcm_into, "cryptography"),
    "AES-256-GCM returning bytes": (aes_gcm_bytes, "cryptography"),
    "SHA-256 on both sides": (sha256_twice, "cryptography"),
    "the primitives alone": (primitives_alone, "cryptography"),
    "HPKE X-Wing direct": (hpke_x_wing, "cryptography"),
    "Fernet": (fernet, "cryptography"),
    "PyNaCl SealedBox": (pynacl_sealed_box, "nacl"),
    "age (pyrage)": (pyrage_x25519, "pyrage"),
    "JWE ECDH-ES (joserfc)": (joserfc_jwe, "joserfc"),
    "Tink HPKE X25519": (tink_x25519, "tink"),
    "Tink HPKE X-Wing": (tink_x_wing, "tink"),
    "PyNaCl SealedBox, hashed and signed": (hashed_and_signed(pynacl_sealed_box), "nacl"),
    "age (pyrage), hashed and signed": (hashed_and_signed(pyrage_x25519), "pyrage"),
    "Tink HPKE X-Wing, hashed and signed": (hashed_and_signed(tink_x_wing), "tink"),
}


@pytest.mark.parametrize("size", PAYLOADS)
@pytest.mark.parametrize("case", [name for name, (_, package) in CASES.items() if find_spec(package)])
def test_seal_and_open(benchmark: Any, case: str, size: str) -> None:
    benchmark.group, benchmark.extra_info["case"] = f"envelope sealed and opened, {size}", case
    benchmark(CASES[case][0](PAYLOADS[size]))
