"""Vectors of answers and session frames through both readers: each agrees with the verdict in the file name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sealframe.envelope import Policy, SessionReader, Unsealed, unseal_envelope
from sealframe.errors import SealframeError
from sealframe.keys import DevicePublic, ServerKey, ServerPublic, SharedKey, Suite
from sealframe.keys.recipient import RecipientKey
from sealframe.keys.signing import SigningKey
from tests.sealing import verdict_of
from tests.vectors import generate_replies, reader

FOLDER = Path(__file__).parent
ANSWERS = sorted(FOLDER.glob("answers/*.answer"))
FRAMES = sorted(FOLDER.glob("frames/*/*.frame"))


def keys_beside(path: Path) -> dict[str, Any]:
    return dict(json.loads((path.parent / "keys.json").read_text()))


def opening_key(key_id: str, entry: dict[str, Any]) -> ServerKey | SharedKey:
    secret = bytes.fromhex(entry["secret"])
    if entry["suite"] == Suite.SHARED_KEY:
        return SharedKey(secret, bytes.fromhex(key_id))
    return ServerKey(RecipientKey.from_seed(entry["suite"], secret), SigningKey.generate("ed25519"))


def unsealed(envelope: bytes, keys: dict[str, Any]) -> Unsealed:
    devices = {
        bytes.fromhex(key_id): DevicePublic(record["device_info"], record["sign_version"], bytes.fromhex(record["key"]))
        for key_id, record in keys["devices"].items()
    }
    own = [opening_key(key_id, entry) for key_id, entry in keys["recipients"].items()]
    policy = Policy(suites=frozenset(Suite), modes=frozenset({0, 1}))
    return unseal_envelope(envelope, own, devices, policy, clock=lambda: keys["now"] / 1000)


def server(entry: dict[str, Any]) -> ServerPublic:
    recipient = RecipientKey.from_seed(Suite.X25519, bytes(range(32))).public.raw
    return ServerPublic(Suite.X25519, recipient, entry["sign_version"], bytes.fromhex(entry["key"]))


def read_answer(path: Path) -> tuple[bytes, bool]:
    keys = keys_beside(path)
    key = unsealed((path.parent / "request.seal").read_bytes(), keys).answer_key
    return key.read(path.read_bytes(), [server(entry) for entry in keys["servers"].values()])


def read_frame(path: Path) -> tuple[bytes, bytes, bytes]:
    opening = unsealed((path.parent / "opening.seal").read_bytes(), keys_beside(path))
    frame = SessionReader(opening, clock=lambda: 0.0).verify(path.read_bytes())
    return bytes(frame.payload), frame.data, frame.context.encode()


def independent_answer(path: Path) -> tuple[bytes, bool]:
    read = reader.read_answer(path.read_bytes(), (path.parent / "request.seal").read_bytes(), keys_beside(path))
    return read["body"], read["confidential"]


def independent_frame(path: Path) -> tuple[bytes, bytes, bytes]:
    read = reader.read_frame(path.read_bytes(), (path.parent / "opening.seal").read_bytes(), keys_beside(path))
    return read["payload"], read["data"], read["context"]


def outcome(read: Callable[[Path], Any], path: Path) -> Any:
    """What was read, or the name of the error."""
    try:
        return tuple(read(path))
    except SealframeError as error:
        return verdict_of(error)
    except reader.Refused as refused:
        return str(refused)


@pytest.mark.parametrize("path", [*ANSWERS, *FRAMES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_both_readers_give_the_verdict(path: Path) -> None:
    is_answer = path.suffix == ".answer"
    ours = outcome(read_answer if is_answer else read_frame, path)
    theirs = outcome(independent_answer if is_answer else independent_frame, path)
    verdict = path.name.split("--")[0]
    assert ours == theirs
    assert isinstance(ours, tuple) if verdict == "opens" else ours == verdict


def test_there_are_enough_of_both() -> None:
    for paths in (ANSWERS, FRAMES):
        good = [path for path in paths if path.name.startswith("opens--")]
        assert len(good) >= 20
        assert len(paths) - len(good) >= 30


def test_the_script_still_makes_these_vectors(tmp_path: Path) -> None:
    generate_replies.write_replies(tmp_path)
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*--*"))
    assert made == sorted(str(path.relative_to(FOLDER)) for path in [*ANSWERS, *FRAMES])
    for path in tmp_path.rglob("*--*"):
        read = independent_answer if path.suffix == ".answer" else independent_frame
        result = outcome(read, path)
        assert path.name.split("--")[0] == ("opens" if isinstance(result, tuple) else result), path.name
