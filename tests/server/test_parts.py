"""The parts under the service: requests and answers, vault, matchers, calibration, faces, the command line.

Covers A33, A44, A53, M25, M26.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealframe.cli import main
from sealframe.currencies import EXPONENTS
from sealframe.errors import KeyFileError, MalformedEnvelope, ModelError, PolicyError, UnknownKey, UnsupportedEnvelope
from sealframe.faces.detection import Cascade, CentreOval, FaceBox, FaceProblem, Liveness, RequireLiveness, crop_face
from sealframe.faces.matchers import DemoMatcher, OnnxMatcher, Thresholds
from sealframe.faces.plugins import choose_detector
from sealframe.keys import DeviceKey
from sealframe.payment_protocol import (
    MAX_AMOUNT,
    Action,
    Code,
    EnrolmentRequest,
    PaymentAnswer,
    PaymentRequest,
    PaymentState,
    Retry,
    new_payment_id,
    parse_request,
)
from sealframe.sandbox.drawn_faces import DRAWN_THRESHOLDS, draw_face
from sealframe.server.http.thread_pools import Pools
from sealframe.server.storage.device_records import device_from_record, record_of
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.thresholds import thresholds_at
from tests.server.bank import ALICE, BOB, Bank

AVERAGE_MODEL = base64.b64decode(
    "CAg6ewo8CgF4EgF5IgtBdmVyYWdlUG9vbCoVCgxrZXJuZWxfc2hhcGVAHEAcoAEHKhAKB3N0cmlkZXNAHEAcoAEHEgFnWhsKAXgS"
    "FgoUCAESEAoCCAEKAggDCgIIcAoCCHBiGwoBeRIWChQIARIQCgIIAQoCCAMKAggECgIIBEIECgAQDQ=="
)
"""A model that averages blocks of 28x28 pixels, in ONNX."""

names = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}", fullmatch=True)
requests = st.builds(
    PaymentRequest,
    action=st.sampled_from([Action.PAY, Action.CANCEL, Action.STATUS]),
    payment_id=st.builds(new_payment_id, st.integers(0, 2**48 - 1)),
    payee=names.map(lambda name: f"p{name[:63]}"),
    amount=st.integers(1, MAX_AMOUNT),
    currency=st.sampled_from(sorted(EXPONENTS)),
    account=names.map(lambda name: f"a{name[:63]}"),
)


@settings(max_examples=50, deadline=None)
@given(requests)
def test_requests_read_back(request: PaymentRequest) -> None:
    assert parse_request(request.encode()) == request
    assert "password" not in repr(request)


def test_passwords_and_enrolments_read_back() -> None:
    request = PaymentRequest(Action.PASSWORD, new_payment_id(), "shop", 1, "EUR", "alice", "pässword")
    assert parse_request(request.encode()) == request
    assert "pässword" not in repr(request)
    assert parse_request(EnrolmentRequest("alice").encode()) == EnrolmentRequest("alice")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": MAX_AMOUNT + 1},
        {"amount": True},
        {"currency": "eur"},
        {"currency": "XAU"},
        {"currency": "EUX"},
        {"payee": "alice"},
        {"payee": "a b"},
        {"payment_id": str(uuid.UUID(int=4, version=4))},
        {"password": "needless"},
        {"action": Action.PASSWORD},
        {"action": Action.ENROL},
    ],
)
def test_a53_requests_out_of_range_are_refused(change: dict[str, Any]) -> None:
    fields = {"action": Action.PAY, "payment_id": new_payment_id(), "payee": "shop", "amount": 1, "currency": "EUR"}
    with pytest.raises(ValueError, match=r"\w"):
        PaymentRequest(**{**fields, "account": "alice", **change})


def test_other_versions_are_named_as_such() -> None:
    with pytest.raises(UnsupportedEnvelope):
        parse_request(b'{"v":2}')
    with pytest.raises(MalformedEnvelope):
        parse_request(b'{"v":true}')


def test_payment_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    ids = [new_payment_id(1_790_000_000_000 + n) for n in range(50)]
    assert ids == sorted(ids)
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {(7, uuid.RFC_4122)}


def test_answers_read_back_and_every_code_says_what_to_do() -> None:
    answer = PaymentAnswer(Code.PAID, "ab" * 32, 5, None, new_payment_id(), PaymentState.POSTED, "shop", 1, "EUR", "R")
    assert PaymentAnswer.decode(answer.encode()) == answer
    said = json.loads(answer.encode())
    assert (said["message"], said["retry"], said["request_id"]) == (Code.PAID.message, "no", "ab" * 8)
    assert all(code.message.endswith(".") and code.retry in Retry for code in Code)
    for body in (b"", b"{}", b"[]", answer.encode().replace(b"paid", b"paidx")):
        with pytest.raises(MalformedEnvelope):
            PaymentAnswer.decode(body)


def test_the_vault_binds_templates_and_changes_its_key() -> None:
    old, new = VaultKey.generate(), VaultKey.generate()
    stored = Vault([old]).seal(b"template", b"alice")
    both, only_new = Vault([new, old]), Vault([new])
    assert both.open(stored, b"alice") == b"template"
    with pytest.raises(KeyFileError):
        both.open(stored, b"bob")
    with pytest.raises(KeyFileError):
        both.open(stored._replace(sealed=stored.sealed[:-1] + b"\0"), b"alice")
    with pytest.raises(UnknownKey):
        only_new.open(stored, b"alice")
    renewed = both.rewrap(stored, b"alice")
    assert renewed.sealed == stored.sealed
    assert only_new.open(renewed, b"alice") == b"template"


def test_a44_vault_key_files(tmp_path: Path) -> None:
    key, path = VaultKey.generate(), tmp_path / "vault.key"
    key.save(path, b"secret")
    stored = Vault([key]).seal(b"template", b"")
    assert Vault([VaultKey.load(path, b"secret")]).open(stored, b"") == b"template"
    for password in (None, b"wrong"):
        with pytest.raises(KeyFileError):
            VaultKey.load(path, password)
    device = tmp_path / "device.key"
    DeviceKey.generate("POS").save(device)
    with pytest.raises(KeyFileError):
        VaultKey.load(device)
    path.chmod(0o644)
    with pytest.raises(KeyFileError):
        VaultKey.load(path, b"secret")


def test_m25_the_demo_matcher_tells_drawn_people_apart() -> None:
    matcher, oval = DemoMatcher(), CentreOval()
    vectors = {}
    for person in (ALICE, BOB):
        faces = [crop_face(draw_face(person, capture), oval) for capture in range(4)]
        vectors[person] = [matcher.embed(face) for face in faces if not isinstance(face, FaceProblem)]
    same = [matcher.score(a, b) for each in vectors.values() for a in each for b in each]
    other = [matcher.score(a, b) for a in vectors[ALICE] for b in vectors[BOB]]
    assert min(same) > DRAWN_THRESHOLDS.payment > max(other)
    assert all(vector.dtype == np.int8 for each in vectors.values() for vector in each)


def test_m26_an_operators_model(tmp_path: Path) -> None:
    path = tmp_path / "face.onnx"
    path.write_bytes(AVERAGE_MODEL)
    matcher = OnnxMatcher(path)
    red = np.zeros((200, 200, 3), np.uint8)
    red[..., 0] = 255
    vector = matcher.embed(red).reshape(3, 16)
    assert (vector[0] > 0).all()
    assert np.allclose(vector[0], -vector[1])
    assert matcher.score(vector.ravel(), vector.ravel()) == pytest.approx(1)
    assert np.allclose(matcher.embed(np.full((50, 50), 255, np.uint8)), 48**-0.5)
    path.write_bytes(b"no model")
    for bad in (path, tmp_path / "missing.onnx"):
        with pytest.raises(ModelError):
            OnnxMatcher(bad)


def test_thresholds_come_from_measured_rates(tmp_path: Path) -> None:
    matcher, path = DemoMatcher(), tmp_path / "calibration.json"
    rates = {0.2: 0.3, 0.1: 0.5, 0.01: 0.8, 0.001: 0.9}
    rows = [{"fmr": rate, "threshold": threshold} for rate, threshold in rates.items()]
    table = {"matcher": matcher.name, "model_sha256": matcher.model_sha256, "pairs": 10_000, "rows": rows}
    path.write_text(json.dumps(table))
    assert thresholds_at(path, matcher, 0.01) == Thresholds(payment=0.8, agreement=0.5)
    assert thresholds_at(path, matcher, 0.002) == Thresholds(payment=0.9, agreement=0.5)
    assert thresholds_at(path, matcher, 0.2) == Thresholds(payment=0.3, agreement=0.3)
    for rate in (0.0002, 0.0005, float("nan"), 1.0):
        with pytest.raises(PolicyError):
            thresholds_at(path, matcher, rate)
    odd: list[dict[str, float]] = [
        {"fmr": float("nan"), "threshold": 0.5},
        {"fmr": 0.01, "threshold": float("nan")},
        {"fmr": -0.1, "threshold": 0.5},
    ]
    for change in ({"matcher": "other"}, {"rows": 1}, *({"rows": [row]} for row in odd)):
        path.write_text(json.dumps({**table, **change}))
        with pytest.raises(ModelError):
            thresholds_at(path, matcher, 0.01)
    path.write_text(json.dumps({**table, "rows": rows[2:]}))
    assert thresholds_at(path, matcher, 0.01) == Thresholds(payment=0.8, agreement=0.8)


def test_the_cascade_finds_faces_and_not_scenes(test_data: Path | None) -> None:
    cascade = Cascade()
    rng = np.random.default_rng(1)
    assert crop_face(rng.integers(0, 255, (240, 320, 3), np.uint8), cascade) is FaceProblem.NO_FACE
    assert cascade.find(np.zeros((10, 10), np.uint8)) == []
    if test_data is not None:
        from PIL import Image

        face = np.asarray(Image.open(test_data / "samples" / "faces" / "nasa_astronaut.png").convert("RGB"))
        (box,) = cascade.find(face)
        assert 100 < box.left < 250 and box.top < 150 and 80 < box.side < 200
        assert crop_face(np.concatenate([face, face], axis=1), cascade) is FaceProblem.MULTIPLE_FACES


def test_boxes_of_one_face_are_one_face() -> None:
    from sealframe.faces.detection import _apart

    boxes = [FaceBox(57, 58, 113), FaceBox(43, 54, 144), FaceBox(300, 0, 90)]
    assert _apart(boxes) == boxes[1:]


def test_a33_a_device_is_registered_by_its_public_file_alone(tmp_path: Path) -> None:
    key = DeviceKey.generate("POS-0001")
    assert device_from_record(record_of(key.public)) == key.public
    key.save(tmp_path / "pos.key")
    for text in ("", "nothing", (tmp_path / "pos.key").read_text(), record_of(key.public) * 2):
        with pytest.raises(KeyFileError):
            device_from_record(text)


def test_the_paying_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "pay"]) == 0
    said = capsys.readouterr().out
    for word in ("paid", "reference", "face_mismatch", "stale_counter", "ledger", "sound", "TEST"):
        assert word in said


def test_the_server_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(tmp_path / "bank")
    assert main(["server", "init", "--home", home]) == 0
    assert main(["server", "init", "--home", home]) == 1
    assert (tmp_path / "bank" / "vault.key").stat().st_mode & 0o777 == 0o600
    assert main(["server", "token", "--home", home, "--name", "olga"]) == 0
    token = capsys.readouterr().out.splitlines()[-1]
    assert len(token) == 43
    assert main(["server", "token", "--home", home, "--name", "olga", "--revoke"]) == 0
    assert main(["server", "token", "--home", home, "--name", "olga", "--revoke"]) == 1
    assert main(["server", "check", "--home", home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sound": True, "broken": []}
    assert main(["server", "prune", "--home", home, "--days", "0"]) == 1
    assert main(["server", "prune", "--home", home]) == 0


def test_a_server_is_started_and_told_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(tmp_path / "bank")
    assert main(["server", "init", "--home", home]) == 0
    run = ["server", "run", "--home", home, "--detector", "centre", "--port"]
    for told in (signal.SIGTERM, signal.SIGINT):
        words = [sys.executable, "-m", "sealframe", *run, "0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                port = server.stdout.readline().split(",")[0].rpartition(":")[2]
                connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
                connection.request("GET", "/health")
                assert connection.getresponse().status == 200
                connection.close()
                assert main([*run, port]) == 1
                assert "already in use" in capsys.readouterr().err
                server.send_signal(told)
                assert server.wait(30) == 0
            finally:
                server.kill()


@pytest.mark.parametrize("name", ["", "x" * 65, "olga\nforged"])
def test_an_operators_name_can_stand_in_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    home = str(tmp_path / "bank")
    assert main(["server", "init", "--home", home]) == 0
    assert main(["server", "token", "--home", home, "--name", name]) == 1
    assert "printable" in capsys.readouterr().err


def test_a_database_that_fails_in_the_middle_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "bank"
    assert main(["server", "init", "--home", str(home)]) == 0
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute("DROP TABLE credentials")
    assert main(["server", "check", "--home", str(home)]) == 1
    assert "The database refused" in capsys.readouterr().err


def write_calibrated_model(folder: Path) -> None:
    (folder / "face.onnx").write_bytes(AVERAGE_MODEL)
    matcher = OnnxMatcher(folder / "face.onnx")
    measured = {"matcher": matcher.name, "model_sha256": matcher.model_sha256, "pairs": 10_000}
    rows = [{"fmr": 0.001, "threshold": 0.9}]
    (folder / "face.json").write_text(json.dumps({**measured, "rows": rows}))


class SaysWhatItIsTold:
    def __init__(self, *findings: Liveness) -> None:
        self._findings = list(findings)

    def check(self, _image: object) -> Liveness:
        return self._findings.pop(0)


def test_a_required_liveness_check_must_pass(bank: Bank) -> None:
    bank.service.faces._liveness = RequireLiveness(
        SaysWhatItIsTold(Liveness.NOT_CHECKED, Liveness.FAILED, Liveness.PASSED)
    )
    request = bank.request()
    assert [bank.code(request) for _ in range(3)] == [Code.SPOOF_SUSPECTED, Code.SPOOF_SUSPECTED, Code.PAID]


def test_a_detector_of_the_operators_is_taken() -> None:
    frame = np.zeros((60, 80), np.uint8)
    assert choose_detector("sealframe.faces.detection:CentreOval").find(frame) == CentreOval().find(frame)


def test_liveness_is_checked_at_enrolment_too(bank: Bank) -> None:
    bank.service.faces._liveness = SaysWhatItIsTold(Liveness.PASSED, Liveness.FAILED)
    with pytest.raises(PolicyError, match="living person"):
        bank.enrol_drawn("bob", BOB)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--mode", "live"], "demo matcher"),
        (["--mode", "live", "--model", "face.onnx", "--calibration", "face.json"], "liveness"),
        (["--require-liveness"], "liveness"),
        (["--liveness", "nowhere:Check"], "liveness"),
        (["--liveness", "pathlib:Path"], "no method `check`"),
        (["--detector", "oval"], "face detector"),
        (["--model", "missing.onnx"], "cannot be read"),
        (["--database", "mysql://x"], "database"),
        (["--old-key", "missing.key"], "cannot be read"),
    ],
)
def test_a_server_that_must_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    home = str(tmp_path / "bank")
    monkeypatch.chdir(tmp_path)
    write_calibrated_model(tmp_path)
    assert main(["server", "init", "--home", home]) == 0
    assert main(["server", "run", "--home", home, *options]) == 1
    assert why in capsys.readouterr().err


def test_vault_keys_change_under_stored_templates(
    bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank.service.faces.matcher.name = "a-former-model"
    bank.enrol_drawn("bob", BOB)
    bank.save_keys()
    home = tmp_path / "home"
    home.mkdir()
    newest = VaultKey.generate()
    newest.save(home / "vault.key")
    options = ["--home", str(home), "--database", bank.url, "--old-vault-key", str(tmp_path / "vault.key")]
    assert main(["server", "rewrap", *options]) == 0
    assert "2 templates" in capsys.readouterr().out
    bank.service.faces.matcher.name = DemoMatcher.name
    bank.vault._newest, bank.vault._keys = newest, {newest.key_id.hex(): newest}
    assert bank.code(bank.request()) is Code.PAID


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_hashing_gives_way_in_a_server_that_gives_way_itself() -> None:
    def own_priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def priorities() -> tuple[int, int, int]:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, own_priority() + 7))
        pools = Pools(RuntimeError)
        try:
            asked = pools.networks.submit(own_priority), pools.passwords.submit(own_priority)
            return own_priority(), asked[0].result(), asked[1].result()
        finally:
            pools.close()

    with ThreadPoolExecutor(1) as polite:  # its thread alone is slowed down
        starter, networks, passwords = polite.submit(priorities).result()
    assert (networks, passwords) == (starter, min(19, starter + 5))
