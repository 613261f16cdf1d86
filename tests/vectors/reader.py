"""A second reader of envelopes, written from docs/FORMAT.md alone: steps 1 to 7, nothing shared with sealframe.

It uses single primitives (AES-GCM, HKDF, ML-KEM, X25519, signatures) and builds HPKE, X-Wing and the chunked
encryption itself, slowly and plainly.

    python reader.py keys.json ENVELOPE...
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, utils, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

ENCAPSULATION = {1: 1120, 2: 32, 16: 0}
SIGNATURE = {1: 64, 2: 2420, 3: 3309, 4: 3373, 5: 64}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CONTEXT = re.compile(
    rb"SF1\|(?P<device_info>(?:[0-9A-Za-z._:-]|%[0-9A-F]{2})+)\|(?P<sign_version>[0-9]+)\|(?P<timestamp>[0-9]+)"
    rb"\|(?P<counter>[0-9]+)\|(?P<random>[0-9a-f]{32})\|(?P<width>[0-9]+)x(?P<height>[0-9]+)"
)
RANGES = {
    "sign_version": (1, 255),
    "timestamp": (10**12, 10**13 - 1),
    "counter": (0, 2**64 - 1),
    "width": (1, 2**32 - 1),
    "height": (1, 2**32 - 1),
}


class Refused(Exception):
    """Carries the name of the error that docs/FORMAT.md gives."""


def need(condition: bool, error: str) -> None:
    if not condition:
        raise Refused(error)


def read(envelope: bytes, keys: dict) -> dict:
    """The content of an envelope for one of the recipients in `keys`, or Refused."""
    header, device, content_key, plaintext = open_message(envelope, keys, mode=0)
    return check(plaintext, content_key, header["factor_tag"], device, payload_digest=True)


def open_message(envelope: bytes, keys: dict, mode: int) -> tuple[dict, dict, bytes, bytes]:
    """Steps 1 to 5: header, device, content key, plaintext."""
    header = parse(envelope)
    need(header["mode"] == mode, "PolicyError")
    device = keys["devices"].get(header["signer"].hex())
    need(device is not None, "UnknownKey")
    need(device["sign_version"] == header["sign_version"], "PolicyError")
    need(valid_now(device, keys["now"]), "PolicyError")
    mine = [key_id for key_id in header["recipients"] if key_id.hex() in keys["recipients"]]
    recipient = keys["recipients"][mine[0].hex()] if mine else None
    need(recipient is not None, "UnknownKey")
    need(recipient["suite"] == header["suite"], "PolicyError")
    digest = sha256(b"sealframe/v1/signature", header["fixed"], *header["blocks"])
    need(verifies(header["sign_version"], bytes.fromhex(device["key"]), header["signature"], digest), "BadSignature")
    return header, device, *decrypt(header, mine[0], recipient)


# Step 1


def parse(envelope: bytes) -> dict:
    need(len(envelope) >= 8 and envelope[:4] == b"\x89SLF", "MalformedEnvelope")
    version, suite, sign_version, mode = envelope[4:8]
    known = version == 1 and suite in ENCAPSULATION and sign_version in SIGNATURE and mode in (0, 1)
    need(known, "UnsupportedEnvelope")
    need(len(envelope) >= 88, "MalformedEnvelope")
    count, profile, header_len, content_len = struct.unpack(">HHIQ", envelope[8:24])
    block = 16 + ENCAPSULATION[suite] + 48
    need(1 <= count <= 16 and header_len == 88 + count * block, "MalformedEnvelope")
    need(len(envelope) == header_len + SIGNATURE[sign_version] + content_len, "MalformedEnvelope")
    need(content_len >= 72 and (content_len - 56) % 16400 >= 16, "MalformedEnvelope")
    blocks = [envelope[start : start + block] for start in range(88, header_len, block)]
    recipients = [one[:16] for one in blocks]
    need(recipients == sorted(set(recipients)), "MalformedEnvelope")
    return {
        "suite": suite,
        "sign_version": sign_version,
        "mode": mode,
        "profile": profile,
        "signer": envelope[24:40],
        "message_id": envelope[40:56],
        "factor_tag": envelope[56:88],
        "fixed": envelope[:88],
        "blocks": blocks,
        "recipients": recipients,
        "signature": envelope[header_len : len(envelope) - content_len],
        "content": envelope[len(envelope) - content_len :],
    }


def valid_now(record: dict, now: int) -> bool:
    early = record["not_before"] is not None and now < record["not_before"]
    late = record["not_after"] is not None and now > record["not_after"]
    return not (early or late or record["revoked"])


# Step 4


def verifies(sign_version: int, key: bytes, signature: bytes, digest: bytes) -> bool:
    try:
        if sign_version in (1, 4):
            ed25519.Ed25519PublicKey.from_public_bytes(key[:32]).verify(signature[:64], digest)
        if sign_version == 2:
            mldsa.MLDSA44PublicKey.from_public_bytes(key).verify(signature, digest)
        if sign_version in (3, 4):
            mldsa.MLDSA65PublicKey.from_public_bytes(key[-1952:]).verify(signature[-3309:], digest)
        if sign_version == 5:
            verify_ecdsa(key, signature, digest)
    except InvalidSignature:
        return False
    return True


def verify_ecdsa(key: bytes, signature: bytes, digest: bytes) -> None:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > P256_ORDER // 2:
        raise InvalidSignature
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    public.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(hashes.SHA256()))


# Step 5


def decrypt(header: dict, key_id: bytes, recipient: dict) -> tuple[bytes, bytes]:
    header_hash = hash_of(header)
    block = header["blocks"][header["recipients"].index(key_id)]
    encapsulation, wrapped = block[16:-48], block[-48:]
    secret = bytes.fromhex(recipient["secret"])
    try:
        if header["suite"] == 16:
            info = b"sealframe/v1/psk" + header_hash + key_id
            key = HKDF(hashes.SHA256(), 32, salt=header["message_id"], info=info).derive(secret)
            content_key = AESGCM(key).decrypt(bytes(12), wrapped, None)
        else:
            info = b"sealframe/v1/wrap" + header_hash + key_id
            content_key = hpke_open(header["suite"], secret, encapsulation, wrapped, info)
        return content_key, chunks_open(content_key, b"sealframe/v1/content" + header_hash, header["content"])
    except (InvalidTag, ValueError) as error:
        raise Refused("CannotOpen") from error


def hash_of(header: dict) -> bytes:
    return sha256(b"sealframe/v1/header", header["fixed"], *header["recipients"])


def hpke_open(suite: int, seed: bytes, encapsulation: bytes, ciphertext: bytes, info: bytes) -> bytes:
    """RFC 9180, base mode, single shot, HKDF-SHA256, AES-256-GCM."""
    kem_id, shared = (0x647A, x_wing(seed, encapsulation)) if suite == 1 else (0x0020, dhkem(seed, encapsulation))
    suite_id = b"HPKE" + struct.pack(">HHH", kem_id, 0x0001, 0x0002)
    context = b"\0" + labeled_extract(suite_id, b"", b"psk_id_hash", b"")
    context += labeled_extract(suite_id, b"", b"info_hash", info)
    secret = labeled_extract(suite_id, shared, b"secret", b"")
    key = labeled_expand(suite_id, secret, b"key", context, 32)
    nonce = labeled_expand(suite_id, secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def dhkem(scalar: bytes, encapsulation: bytes) -> bytes:
    """RFC 9180, DHKEM(X25519, HKDF-SHA256); an all-zero share is a ValueError."""
    private = x25519.X25519PrivateKey.from_private_bytes(scalar)
    shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(encapsulation))
    context = encapsulation + private.public_key().public_bytes_raw()
    prk = labeled_extract(b"KEM\0\x20", b"", b"eae_prk", shared)
    return labeled_expand(b"KEM\0\x20", prk, b"shared_secret", context, 32)


def x_wing(seed: bytes, encapsulation: bytes) -> bytes:
    """draft-connolly-cfrg-xwing-kem: SHA3-256 over both shared secrets, the X25519 share and key, and a label."""
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(encapsulation[:1088])
    private = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    share = encapsulation[1088:]
    curve = private.exchange(x25519.X25519PublicKey.from_public_bytes(share))
    label = bytes.fromhex("5c2e2f2f5e5c")
    return hashlib.sha3_256(lattice + curve + share + private.public_key().public_bytes_raw() + label).digest()


def labeled_extract(suite_id: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite_id + label + secret, "sha256")


def labeled_expand(suite_id: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = struct.pack(">H", length) + b"HPKE-v1" + suite_id + label + info
    return HKDFExpand(hashes.SHA256(), length, labeled).derive(prk)


def chunks_open(key: bytes, context: bytes, content: bytes) -> bytes:
    """C2SP chunked-encryption with HKDF-Expand of SHA-512 and AES-256-GCM."""
    salt, commitment, chunks = content[:24], content[24:56], content[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    derived = HKDFExpand(hashes.SHA512(), 76, info).derive(key)
    if not hmac.compare_digest(derived[44:], commitment):
        raise InvalidTag
    if len(chunks) % 16400 < 16:
        raise InvalidTag
    cipher, base = AESGCM(derived[:32]), int.from_bytes(derived[32:44], "big")
    plaintext = b""
    for number, start in enumerate(range(0, len(chunks), 16400)):
        nonce = (base ^ number).to_bytes(12, "big")
        plaintext += cipher.decrypt(nonce, chunks[start : start + 16400], b"")
    return plaintext


# Steps 6 and 7


def check(plaintext: bytes, key: bytes, factor_tag: bytes, device: dict, *, payload_digest: bool) -> dict:
    factor, rest = take(plaintext)
    data, payload = take(rest)
    tag = hmac.digest(hmac.digest(key, b"sealframe/v1/factor", "sha256"), factor, "sha256")
    need(hmac.compare_digest(tag, factor_tag), "FactorMismatch")
    need(len(data) <= 65536, "MalformedEnvelope")
    image_factor, after = take(factor)
    context, digests = take(after)
    need(1 <= len(image_factor) <= 65536 and 1 <= len(context) <= 65536, "MalformedEnvelope")
    need(len(digests) == (64 if payload_digest else 32), "MalformedEnvelope")
    need(digests == sha256(data) + (sha256(payload) if payload_digest else b""), "FactorMismatch")
    fields = parse_context(context)
    need(fields["device_info"] == device["device_info"], "PolicyError")
    need(fields["sign_version"] == device["sign_version"], "PolicyError")
    return {"payload": payload, "data": data, "context": context, "image_factor": image_factor}


def take(joined: bytes) -> tuple[bytes, bytes]:
    need(len(joined) >= 4, "MalformedEnvelope")
    end = 4 + int.from_bytes(joined[:4], "big")
    need(end <= len(joined), "MalformedEnvelope")
    return joined[4:end], joined[end:]


def parse_context(context: bytes) -> dict:
    match = CONTEXT.fullmatch(context)
    need(match is not None and len(context) <= 1024, "MalformedEnvelope")
    fields: dict = {}
    for name, (low, high) in RANGES.items():
        text = match[name].decode()
        need(text == str(int(text)) and low <= int(text) <= high, "MalformedEnvelope")
        fields[name] = int(text)
    fields["device_info"] = unescape(match["device_info"])
    return fields


def unescape(text: bytes) -> str:
    raw = re.sub(rb"%([0-9A-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text)
    plain = set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:-")
    spelled = b"".join(bytes([byte]) if byte in plain else b"%%%02X" % byte for byte in raw)
    need(spelled == text and 1 <= len(raw) <= 96, "MalformedEnvelope")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("MalformedEnvelope") from error


# What follows a message


def read_answer(answer: bytes, request: bytes, keys: dict) -> dict:
    """The body of an answer to the request, or Refused."""
    header, _, content_key, _ = open_message(request, keys, mode=0)
    need(len(answer) >= 56 and answer[:4] == b"\x89SLA", "MalformedEnvelope")
    version, form, sign_version, zero = answer[4:8]
    need(version == 1 and form in (0, 1) and sign_version in SIGNATURE, "UnsupportedEnvelope")
    need(zero == 0, "MalformedEnvelope")
    need(answer[8:40] == hash_of(header), "PolicyError")
    server = keys["servers"].get(answer[40:56].hex())
    need(server is not None, "UnknownKey")
    need(server["sign_version"] == sign_version, "PolicyError")
    context, content = b"sealframe/v1/answer" + answer[:56], answer[56:]
    if form == 1:
        content = chunks_or_refuse(hmac.digest(content_key, b"sealframe/v1/answer", "sha256"), context, content)
    end = len(content) - SIGNATURE[sign_version]
    need(0 <= end <= 65536, "MalformedEnvelope")
    digest = sha256(context, content[:end])
    need(verifies(sign_version, bytes.fromhex(server["key"]), content[end:], digest), "BadSignature")
    return {"body": content[:end], "confidential": form == 1}


def read_frame(frame: bytes, opening: bytes, keys: dict) -> dict:
    """The content of the first frame after an opening, or Refused."""
    header, device, content_key, _ = open_message(opening, keys, mode=1)
    need(len(frame) >= 72 and frame[:4] == b"\x89SLF", "MalformedEnvelope")
    version, suite, zero, mode = frame[4:8]
    need(version == 1 and mode == 2, "UnsupportedEnvelope")
    sequence, content_len = struct.unpack(">QQ", frame[24:40])
    fitting = content_len == len(frame) - 72 and content_len >= 72 and (content_len - 56) % 16400 >= 16
    need(zero == 0 and fitting, "MalformedEnvelope")
    need(suite == header["suite"] and frame[8:24] == hash_of(header)[:16], "UnknownKey")
    need(sequence < 2**20, "PolicyError")
    need(sequence == 0, "ReplayedCapture")
    key = hmac.digest(content_key, b"sealframe/v1/session", "sha256")
    plaintext = chunks_or_refuse(key, b"sealframe/v1/frame" + frame[:72], frame[72:])
    return check(plaintext, key, frame[40:72], device, payload_digest=False)


def chunks_or_refuse(key: bytes, context: bytes, content: bytes) -> bytes:
    try:
        return chunks_open(key, context, content)
    except InvalidTag as error:
        raise Refused("CannotOpen") from error


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def verdict(envelope: bytes, keys: dict) -> str:
    """`opens`, or the name of the error."""
    try:
        read(envelope, keys)
    except Refused as refused:
        return str(refused)
    return "opens"


if __name__ == "__main__":
    known_keys = json.loads(Path(sys.argv[1]).read_text())
    for name in sys.argv[2:]:
        print(verdict(Path(name).read_bytes(), known_keys), name)
