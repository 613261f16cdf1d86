"""Keys and their files: what loads, what is refused, and what never shows (M20-M22, A33, A44, A45, A50).

Covers A32, M21.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x448

from sealframe.errors import BadSignature, CannotOpen, KeyFileError, KeyNotValid
from sealframe.keys import (
    SIGN_NAMES,
    DeviceKey,
    DevicePublic,
    ServerKey,
    ServerPublic,
    SharedKey,
    SignVersion,
    Suite,
    Validity,
)
from sealframe.keys.key_file import Block, load_private, record_block
from sealframe.keys.recipient import RecipientKey, RecipientPublic
from sealframe.keys.secrecy import key_id_of
from sealframe.keys.signing import SigningKey, VerifyingKey, signature_bytes

DIGEST = bytes(range(32))
PASSWORD = b"correct horse"
ENCRYPTED_KEY_FILE = """\
-----BEGIN SEALFRAME DEVICE-----
eyJkZXZpY2VfaW5mbyI6IlBPUy0wMDAxIiwia2V5IjoiMGI3ZDgwMjMxYzA5OGUz
M2I1YjI4ZGRmYzc4MmNkMzNlMTI0ZjNhZWI0ZTlmOWVlMWE5YjA2Y2YxODg5ZDZl
ZSIsIm5vdF9hZnRlciI6bnVsbCwibm90X2JlZm9yZSI6bnVsbCwicmV2b2tlZCI6
ZmFsc2UsInNpZ25fdmVyc2lvbiI6MX0=
-----END SEALFRAME DEVICE-----
-----BEGIN SEALFRAME ENCRYPTED KEYS-----
kOlpoWtVQa1gvD3Cwzuy/GQjGiMNDUNBJHGPd93ZA7PE/qGKJzp5XBthi2Vmc3A/
ubwwv2KA0jwbGvrVNMoDhueb5nQhOD12Zd7J8xIW3RqRJDCSGy01n3sUWYPVpoet
s+8/+Uc+ocDuz7lBbqaRpm1HU6zLB6YfYElVVRIikAchtchYCaC1mw9cG4gtxoy3
EbKWqoSiPw==
-----END SEALFRAME ENCRYPTED KEYS-----
"""
FILED = [
    pytest.param(lambda: DeviceKey.generate("POS-0001"), DeviceKey, id="device"),
    pytest.param(lambda: DeviceKey.generate("P", "ed25519+ml-dsa-65"), DeviceKey, id="hybrid"),
    pytest.param(lambda: DeviceKey.generate("P", "ecdsa-p256", Validity(1, 2, revoked=True)), DeviceKey, id="ecdsa"),
    pytest.param(lambda: ServerKey.generate(), ServerKey, id="x-wing"),
    pytest.param(lambda: ServerKey.generate(Suite.X25519, "ml-dsa-44", Validity(5)), ServerKey, id="x25519"),
    pytest.param(lambda: SharedKey.generate(Validity(None, 9)), SharedKey, id="shared"),
]


@pytest.mark.parametrize("sign", SIGN_NAMES)
def test_m22_each_signature_verifies_and_binds_its_digest(sign: str) -> None:
    device = DeviceKey.generate("POS-0001", sign)
    signature = device.sign(DIGEST)
    assert len(signature) == signature_bytes(SIGN_NAMES[sign])
    device.public.verify(signature, DIGEST)
    for wrong in (signature[:-1], signature + b"\0", bytes(len(signature)), b""):
        with pytest.raises(BadSignature):
            device.public.verify(wrong, DIGEST)
    with pytest.raises(BadSignature):
        device.public.verify(signature, DIGEST[::-1])
    with pytest.raises(BadSignature):
        DeviceKey.generate("POS-0001", sign).public.verify(signature, DIGEST)


def test_a32_ecdsa_signatures_always_have_the_smaller_s() -> None:
    device = DeviceKey.generate("POS-0001", "ecdsa-p256")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for _ in range(16):
        assert int.from_bytes(device.sign(DIGEST)[32:], "big") <= order // 2


@pytest.mark.parametrize(
    ("sign_version", "length"), [(0, 32), (6, 32), (1, 31), (1, 33), (2, 32), (4, 1984 + 1), (5, 65)]
)
def test_a33_bytes_that_are_no_such_public_key_are_refused(sign_version: int, length: int) -> None:
    with pytest.raises(ValueError, match="not a public key"):
        VerifyingKey(sign_version, bytes(length))


def test_a33_a_point_off_the_curve_is_no_key() -> None:
    with pytest.raises(ValueError, match="EC key"):
        DevicePublic("POS-0001", SignVersion.ECDSA_P256, b"\2" + b"\xff" * 32)


def test_unknown_names_and_suites_are_refused() -> None:
    with pytest.raises(ValueError, match="ed25519"):
        DeviceKey.generate("POS-0001", "rsa")
    for suite in (0, 3, Suite.SHARED_KEY):
        with pytest.raises(ValueError, match="suite"):
            ServerKey.generate(suite)
    for raw in (b"", bytes(31), bytes(1215)):
        with pytest.raises(ValueError, match="not a public key"):
            RecipientPublic(Suite.X_WING, raw)
    with pytest.raises(ValueError, match="device_info"):
        DeviceKey.generate("")
    with pytest.raises(ValueError, match="32 bytes"):
        RecipientKey.from_seed(Suite.X_WING, bytes(31))
    with pytest.raises(ValueError, match="shared key"):
        SharedKey(bytes(31), bytes(16))


def test_key_ids_depend_on_key_and_purpose() -> None:
    raw = bytes(32)
    ids = {key_id_of(kind, raw) for kind in (1, 2, 0x41, 0x42)} | {key_id_of(1, bytes(33))}
    assert len(ids) == 5
    assert key_id_of(1, raw) == hashlib.sha256(b"sealframe/v1/key-id\1" + raw).digest()[:16]


def test_x_wing_keys_follow_the_draft() -> None:
    """First test vector of draft-connolly-cfrg-xwing-kem: the public key that this seed stands for."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = RecipientKey.from_seed(Suite.X_WING, seed).public.raw
    assert len(public) == 1216
    assert public.hex().startswith("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5")
    assert public.hex().endswith("eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534")


@pytest.mark.parametrize("suite", [Suite.X_WING, Suite.X25519])
def test_m21_a_wrapped_key_unwraps_with_its_key_and_info_alone(suite: int) -> None:
    server = ServerKey.generate(suite)
    wrapped = server.public.wrap(DIGEST, b"info")
    assert server.unwrap(wrapped, b"info") == DIGEST
    for key, info in ((server, b"other"), (ServerKey.generate(suite), b"info")):
        with pytest.raises(CannotOpen):
            key.unwrap(wrapped, info)


def test_m20_a_shared_key_binds_info_and_message_id() -> None:
    shared = SharedKey.generate()
    wrapped = shared.wrap(DIGEST, b"info", bytes(16))
    assert shared.unwrap(wrapped, b"info", bytes(16)) == DIGEST
    for key, info, message_id in (
        (shared, b"other", bytes(16)),
        (shared, b"info", b"\1" * 16),
        (SharedKey.generate(), b"info", bytes(16)),
    ):
        with pytest.raises(CannotOpen):
            key.unwrap(wrapped, info, message_id)


# Files


@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize(("make", "kind"), FILED)
def test_key_files_hold_the_key(tmp_path: Path, make: Any, kind: Any, password: bytes | None) -> None:
    key, path = make(), tmp_path / "a.key"
    key.save(path, password)
    loaded = kind.load(path, password)
    assert loaded.key_id == key.key_id
    assert path.stat().st_mode & 0o777 == 0o600
    if isinstance(key, SharedKey):
        assert loaded.to_dict() == key.to_dict()
        return
    assert loaded.public == key.public
    key.public.verify(loaded.sign(DIGEST), DIGEST)
    if isinstance(key, ServerKey):
        assert loaded.unwrap(key.public.wrap(DIGEST, b""), b"") == DIGEST


@pytest.mark.parametrize(("make", "kind"), [case for case in FILED if case.id != "shared"])
def test_public_files_hold_the_record(tmp_path: Path, make: Any, kind: Any) -> None:
    public, path = make().public, tmp_path / "a.pub"
    public.save(path)
    assert type(public).load(path) == public
    assert path.stat().st_mode & 0o777 == 0o644
    assert public.to_dict()["key_id"] == public.key_id.hex()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert type(public).load(path) == public


@pytest.mark.parametrize(("make", "kind"), [case for case in FILED if case.id != "shared"])
def test_public_records_travel_as_text(tmp_path: Path, make: Any, kind: Any) -> None:
    key = make()
    public, text = key.public, key.public.to_text()
    public.save(tmp_path / "a.pub")
    key.save(tmp_path / "a.key")
    assert text == (tmp_path / "a.pub").read_text()
    assert type(public).from_text(text) == public
    assert type(public).from_text(text.replace("\n", "\r\n")) == public
    private = (tmp_path / "a.key").read_text()
    for wrong in ("", "x", text + text, text[:-2], " " + text, text.replace("-----", "\u2014"), private):
        with pytest.raises(KeyFileError):
            type(public).from_text(wrong)


def test_a_password_protected_file_of_the_first_release_still_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_text(ENCRYPTED_KEY_FILE)
    path.chmod(0o600)
    loaded = DeviceKey.load(path, PASSWORD)
    assert loaded.key_id.hex() == "14ccd1ede4ac4d5630c17791e03dad97"
    assert loaded.public.to_text() == ENCRYPTED_KEY_FILE[: len(loaded.public.to_text())]
    DevicePublic.from_text(loaded.public.to_text()).verify(loaded.sign(DIGEST), DIGEST)


def test_a_salt_is_sixteen_bytes_and_the_rest_is_as_long_as_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    DeviceKey.generate("POS-0001").save(path, PASSWORD)
    assert [len(one) for one in path.read_text().splitlines()] == [len(one) for one in ENCRYPTED_KEY_FILE.splitlines()]


@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda text: text.replace("MX0=", "MX1="), id="bits after the end"),
        pytest.param(lambda text: text.replace("MX0=", "MX0=="), id="an equals sign too many"),
        pytest.param(lambda text: text.replace("eyJk", "ey=Jk"), id="an equals sign inside"),
        pytest.param(lambda text: text.replace("eyJk", "ey\nJk"), id="lines of another length"),
        pytest.param(lambda text: text.replace("eyJk", "\neyJk"), id="an empty line"),
        pytest.param(lambda text: text.replace("MX0=", "MX0"), id="an equals sign too few"),
    ],
)
def test_a44_a_record_has_one_spelling_in_base64_too(tmp_path: Path, respell: Any) -> None:
    text = ENCRYPTED_KEY_FILE.split("-----BEGIN SEALFRAME ENCRYPTED")[0]
    path = tmp_path / "a.pub"
    path.write_text(text)
    DevicePublic.load(path)
    assert respell(text) != text
    path.write_text(respell(text))
    with pytest.raises(KeyFileError):
        DevicePublic.load(path)


def test_a44_key_files_are_at_most_64_kib(tmp_path: Path) -> None:
    record, path = DeviceKey.generate("POS-0001").public.to_text(), tmp_path / "a.pub"
    lines = (65_536 - len(record) - 100) // 65
    for size in (65_536, 65_537):
        # Three bytes on a line of their own change the size by 5, a letter in the label by 2.
        fillers = (Block("X" * length, bytes(48 * lines + more)).pem() for length in range(1, 65) for more in (0, 3))
        path.write_text(record + next(filler for filler in fillers if len(record + filler) == size))
        if size == 65_536:
            DevicePublic.load(path)
    with pytest.raises(KeyFileError, match="too large"):
        DevicePublic.load(path)


def test_a_record_of_another_kind_is_no_device() -> None:
    with pytest.raises(KeyFileError, match="is a server key; give the file of a device key"):
        DevicePublic.from_text(ServerKey.generate().public.to_text())


def test_a_private_file_gives_the_public_record_without_its_password(tmp_path: Path) -> None:
    device = DeviceKey.generate("POS-0001")
    device.save(tmp_path / "a.key", PASSWORD)
    assert DevicePublic.load(tmp_path / "a.key") == device.public


def test_a44_wrong_missing_or_needless_passwords_are_refused(tmp_path: Path) -> None:
    device = DeviceKey.generate("POS-0001")
    device.save(tmp_path / "with.key", PASSWORD)
    device.save(tmp_path / "without.key")
    for name, password, reason in (
        ("with.key", b"wrong", "password is wrong"),
        ("with.key", None, "protected by a password"),
        ("without.key", PASSWORD, "not protected"),
    ):
        with pytest.raises(KeyFileError, match=reason):
            DeviceKey.load(tmp_path / name, password)
    with pytest.raises(ValueError, match="non-empty"):
        device.save(tmp_path / "empty.key", b"")
    assert not (tmp_path / "empty.key").exists()


def test_a44_an_encrypted_file_under_another_record_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "1.key", tmp_path / "2.key"
    for path, name in ((first, "POS-0001"), (second, "POS-0002")):
        DeviceKey.generate(name).save(path, PASSWORD)
    record, secret = second.read_text().split("-----BEGIN SEALFRAME ENCRYPTED")
    other_secret = first.read_text().split("-----BEGIN SEALFRAME ENCRYPTED")[1]
    second.write_text(record + "-----BEGIN SEALFRAME ENCRYPTED" + other_secret)
    with pytest.raises(KeyFileError, match="altered"):
        DeviceKey.load(second, PASSWORD)
    second.write_text(record + ("-----BEGIN SEALFRAME ENCRYPTED" + secret) * 2)
    with pytest.raises(KeyFileError, match="after its encrypted"):
        DeviceKey.load(second, PASSWORD)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a44_private_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    DeviceKey.generate("POS-0001").save(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        DeviceKey.load(path)


def blocks_of(path: Path) -> list[str]:
    return [f"-----BEGIN {part}" for part in path.read_text().split("-----BEGIN ")[1:]]


def test_a44_swapped_missing_and_foreign_blocks_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "a.key", tmp_path / "b.key"
    DeviceKey.generate("POS-0001", "ed25519+ml-dsa-65").save(path)
    DeviceKey.generate("POS-0002", "ed25519+ml-dsa-65").save(other)
    record, classic, lattice = blocks_of(path)
    _, foreign, _ = blocks_of(other)
    for arranged in (
        [record, lattice, classic],
        [record, foreign, lattice],
        [record, classic],
        [record, classic, lattice, lattice],
        [classic, record, lattice],
        [record, record.replace("SEALFRAME DEVICE", "PRIVATE KEY"), lattice],
        [record, classic.replace("PRIVATE KEY", "SECRET KEY"), lattice],
        [record],
        [],
        [record, classic, lattice, "more"],
    ):
        path.write_text("".join(arranged))
        with pytest.raises(KeyFileError):
            DeviceKey.load(path)


def test_a44_the_blocks_of_a_server_belong_together(tmp_path: Path) -> None:
    path, other = tmp_path / "a.key", tmp_path / "b.key"
    ServerKey.generate().save(path)
    ServerKey.generate().save(other)
    own, foreign = blocks_of(path), blocks_of(other)
    for position in range(1, 4):
        mixed = [foreign[place] if place == position else block for place, block in enumerate(own)]
        path.write_text("".join(mixed))
        with pytest.raises(KeyFileError, match="do not belong"):
            ServerKey.load(path)


@pytest.mark.parametrize("private_key", [ec.generate_private_key(ec.SECP384R1()), x448.X448PrivateKey.generate()])
def test_a44_a_key_of_another_algorithm_is_refused(tmp_path: Path, private_key: Any) -> None:
    path = tmp_path / "a.key"
    DeviceKey.generate("POS-0001", "ecdsa-p256").save(path)
    foreign = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_text(blocks_of(path)[0] + Block("PRIVATE KEY", foreign).pem())
    with pytest.raises(KeyFileError):
        DeviceKey.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"sign_version": 9},
        {"sign_version": "1"},
        {"sign_version": True},
        {"key": "zz"},
        {"key": "00"},
        {"key": 5},
        {"device_info": ""},
        {"device_info": 5},
        {"not_after": "soon"},
        {"not_after": True},
        {"revoked": None},
        {"extra": 1},
        {"key": None},
    ],
)
def test_a44_records_that_are_not_valid_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    record = {
        "device_info": "POS-0001",
        "key": DeviceKey.generate("POS-0001").public.key.hex(),
        "not_after": None,
        "not_before": None,
        "revoked": False,
        "sign_version": 1,
    }
    path = tmp_path / "a.pub"
    path.write_text(record_block("SEALFRAME DEVICE", record).pem())
    DevicePublic.load(path)
    path.write_text(record_block("SEALFRAME DEVICE", {**record, **change}).pem())
    with pytest.raises(KeyFileError):
        DevicePublic.load(path)


@pytest.mark.parametrize("content", [b"{ }", b"[]", b"5", b"nonsense", b"\xff", b'{"a":1,"a":1}', b"[" * 20_000])
@pytest.mark.parametrize(("kind", "label"), [(DevicePublic, "DEVICE"), (ServerPublic, "SERVER")])
def test_a44_records_that_are_not_canonical_are_refused(tmp_path: Path, kind: Any, label: str, content: bytes) -> None:
    path = tmp_path / "a.pub"
    path.write_text(Block(f"SEALFRAME {label}", content).pem())
    with pytest.raises(KeyFileError):
        kind.load(path)


@pytest.mark.parametrize(
    "change", [{"suite": 16}, {"suite": 2}, {"signing_key": ""}, {"recipient_key": "00"}, {"x": 0}]
)
def test_a44_server_records_that_are_not_valid_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    public, path = ServerKey.generate().public, tmp_path / "a.pub"
    record = {
        "not_after": None,
        "not_before": None,
        "recipient_key": public.recipient_key.hex(),
        "revoked": False,
        "sign_version": 1,
        "signing_key": public.signing_key.hex(),
        "suite": 1,
    }
    path.write_text(record_block("SEALFRAME SERVER", record).pem())
    assert ServerPublic.load(path) == public
    path.write_text(record_block("SEALFRAME SERVER", {**record, **change}).pem())
    with pytest.raises(KeyFileError):
        ServerPublic.load(path)


def test_a44_shared_key_files_that_are_not_valid_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    SharedKey.generate().save(path)
    record, secret = blocks_of(path)
    for arranged in (
        [record, secret, secret],
        [record, secret.replace("SHARED SECRET", "PRIVATE KEY")],
        [record, Block("SEALFRAME SHARED SECRET", bytes(31)).pem()],
        [Block("SEALFRAME SHARED", b'{"key_id":"00"}').pem(), secret],
    ):
        path.write_text("".join(arranged))
        with pytest.raises(KeyFileError):
            SharedKey.load(path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    ServerKey.generate(Suite.X25519).save(tmp_path / "server.key")
    DeviceKey.generate("POS-0001").public.save(tmp_path / "pos.pub")
    (tmp_path / "text").write_text("-----BEGIN A-----\n****\n-----END A-----\n")
    (tmp_path / "padding").write_text("-----BEGIN A-----\nAAAAA\n-----END A-----\n")
    (tmp_path / "large").write_text(Block("A", bytes(65_536)).pem())
    for use, reason in (
        (lambda: DeviceKey.load(tmp_path / "server.key"), "server.key is a server key; give the file of a device key"),
        (lambda: ServerPublic.load(tmp_path / "pos.pub"), "pos.pub is a device key; give the file of a server key"),
        (lambda: DevicePublic.load(tmp_path / "text"), "text is not a sealframe key file"),
        (lambda: DevicePublic.load(tmp_path / "padding"), "damaged"),
        (lambda: DevicePublic.load(tmp_path / "large"), "too large"),
        (lambda: DevicePublic.load(tmp_path / "absent"), "cannot be read"),
        (lambda: DevicePublic.load(tmp_path), "cannot be read"),
    ):
        with pytest.raises(KeyFileError, match=reason):
            use()
    for mode in (0o644, 0o600):
        (tmp_path / "pos.pub").chmod(mode)
        with pytest.raises(KeyFileError, match="only a public key"):
            DeviceKey.load(tmp_path / "pos.pub")


def test_a50_key_files_are_not_overwritten_unless_told_and_links_not_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "a.key", tmp_path / "link"
    first, second = DeviceKey.generate("POS-0001"), DeviceKey.generate("POS-0002")
    first.save(path)
    link.symlink_to(tmp_path / "elsewhere")
    for target, reason in ((path, "exists already"), (link, "symbolic link"), (tmp_path, "is a folder; give")):
        with pytest.raises(KeyFileError, match=reason):
            second.save(target)
    with pytest.raises(KeyFileError, match="symbolic link"):
        second.save(link, overwrite=True)
    assert DeviceKey.load(path).public == first.public
    second.save(path, overwrite=True)
    assert DeviceKey.load(path).public == second.public
    for target, reason in ((tmp_path / "absent" / "a.key", "absent is not a folder"), (tmp_path, "is a folder")):
        with pytest.raises(KeyFileError, match=reason):
            second.save(target)
    assert not (tmp_path / "elsewhere").exists()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.key", "link"]


def test_a50_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        DeviceKey.generate("POS-0001").save(tmp_path / "a.key")
    assert list(tmp_path.iterdir()) == []


# Secrets


def secrets_of(key: Any, folder: Path) -> list[bytes]:
    """The secret bytes of a key, as its file holds them."""
    key.save(folder / "canary.key", overwrite=True)
    return [block.content[-32:] for block in load_private(folder / "canary.key", None)[1]]


@pytest.mark.parametrize(("make", "kind"), FILED)
def test_a45_keys_do_not_show_copy_or_pickle(tmp_path: Path, make: Any, kind: Any) -> None:
    key = make()
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        for secret in secrets_of(key, tmp_path):
            assert secret.hex() not in shown
            assert repr(secret)[2:-1] not in shown
    assert key.key_id.hex() in repr(key)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            leak(key)


def test_a45_a_block_of_a_key_file_shows_its_label_alone() -> None:
    assert repr(Block("PRIVATE KEY", b"CANARY")) == "<Block PRIVATE KEY>"


def test_a45_a_password_protected_file_holds_no_secret_in_the_clear(tmp_path: Path) -> None:
    device = DeviceKey.generate("POS-0001")
    (secret,) = secrets_of(device, tmp_path)
    device.save(tmp_path / "protected.key", PASSWORD)
    text = (tmp_path / "protected.key").read_text()
    for encoded in re.findall(r"BEGIN [A-Z ]+-----\n(.*?)-----END", text, re.DOTALL):
        assert secret not in base64.b64decode(encoded)


def test_validity_is_checked_where_it_is_written() -> None:
    with pytest.raises(TypeError):
        Validity(not_before=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Validity(revoked=1)  # type: ignore[arg-type]
    for validity, now, reason in (
        (Validity(revoked=True), 0, "revoked"),
        (Validity(not_before=10), 9, "not valid yet"),
        (Validity(not_after=10), 11, "expired"),
    ):
        with pytest.raises(KeyNotValid, match=reason):
            validity.require(now, "device's key")
    Validity(10, 10).require(10, "device's key")


def test_a_signing_key_needs_all_its_parts() -> None:
    key = SigningKey.generate("ed25519+ml-dsa-65")
    with pytest.raises(KeyFileError):
        SigningKey.from_blocks(key.sign_version, key.blocks()[:1])
    with pytest.raises(KeyFileError, match="damaged"):
        SigningKey.from_blocks(1, [Block("PRIVATE KEY", b"\x30\x00")])
