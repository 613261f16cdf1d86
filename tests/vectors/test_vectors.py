"""All vectors through both readers: sealframe and the independent one agree with the verdict in the file name."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from sealframe.envelope import Policy, Unsealed, unseal_envelope
from sealframe.errors import SealframeError
from sealframe.keys import DevicePublic, ServerKey, SharedKey, Suite, Validity
from sealframe.keys.recipient import RecipientKey
from sealframe.keys.signing import SigningKey
from tests.sealing import VERDICTS, verdict_of
from tests.vectors import generate, reader

FOLDER = Path(__file__).parent
VECTORS = sorted(FOLDER.glob("*.seal"))
KEYS = json.loads((FOLDER / "keys.json").read_text())


def opening_key(key_id: str, suite: int, secret: bytes) -> ServerKey | SharedKey:
    if suite == Suite.SHARED_KEY:
        return SharedKey(secret, bytes.fromhex(key_id))
    return ServerKey(RecipientKey.from_seed(suite, secret), SigningKey.generate("ed25519"))


OWN_KEYS = [
    opening_key(key_id, entry["suite"], bytes.fromhex(entry["secret"])) for key_id, entry in KEYS["recipients"].items()
]
DEVICES = {
    bytes.fromhex(key_id): DevicePublic(
        record["device_info"],
        record["sign_version"],
        bytes.fromhex(record["key"]),
        Validity(record["not_before"], record["not_after"], record["revoked"]),
    )
    for key_id, record in KEYS["devices"].items()
}


def unsealed(envelope: bytes) -> Unsealed:
    policy = Policy(suites=frozenset(Suite))
    return unseal_envelope(envelope, OWN_KEYS, DEVICES, policy, clock=lambda: KEYS["now"] / 1000)


def verdict(envelope: bytes) -> str:
    try:
        unsealed(envelope)
    except SealframeError as error:
        return verdict_of(error)
    return "opens"


def test_there_are_enough_of_both() -> None:
    verdicts = [path.name.split("--")[0] for path in VECTORS]
    assert verdicts.count("opens") >= 50
    assert len(verdicts) - verdicts.count("opens") >= 150
    assert set(verdicts) == {"opens"} | VERDICTS - {"ReplayedCapture"}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_both_readers_give_the_verdict(path: Path) -> None:
    envelope = path.read_bytes()
    expected = path.name.split("--")[0]
    assert verdict(envelope) == expected
    assert reader.verdict(envelope, KEYS) == expected
    if expected == "opens":
        ours, theirs = unsealed(envelope), reader.read(envelope, KEYS)
        assert (ours.payload, ours.data) == (theirs["payload"], theirs["data"])
        assert ours.context.encode() == theirs["context"]
        assert ours.security_factor.image_factor == theirs["image_factor"]


def test_the_script_still_makes_these_vectors(tmp_path: Path) -> None:
    generate.write_vectors(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.seal")) == [path.name for path in VECTORS]
    keys = json.loads((tmp_path / "keys.json").read_text())
    for path in tmp_path.glob("*.seal"):
        assert reader.verdict(path.read_bytes(), keys) == path.name.split("--")[0]


def test_the_independent_reader_is_independent_and_short() -> None:
    source = (FOLDER / "reader.py").read_text()
    imported = [
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    assert not [name for name in imported if name.startswith(("sealframe", "sealing", "vectors"))]
    assert len(source.splitlines()) < 600
