"""`sealframe enrol` against the real server (M24, M25, A61)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sealframe.cli import main
from sealframe.payment_protocol import Code, new_payment_id
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments import administration, operator_tokens, operator_transfers
from sealframe.server.storage.device_records import device_from_record
from sealframe.terminal import enrolment
from tests.server.bank import BOB
from tests.terminal.served_bank import ServedBank


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedBank]:
    """A bank with a terminal POS-0009; in the current folder its keys, a token and drawn pictures of bob."""
    monkeypatch.chdir(tmp_path)
    site = ServedBank(tmp_path / "bank")
    site.bank.now_s = time.time()
    token = site.bank.service.writer.submit(lambda c: operator_tokens.create_token(c, "olga", site.bank.service.now()))
    Path("olga.token").write_text(f"{token.result()}\n")
    site.bank.key.public.save("server.pub")
    assert main(["keygen", "device", "--device-info", "POS-0009", "--out", "pos"]) == 0
    record = Path("pos.pub").read_text()
    site.bank.operate(administration.register_device, device=device_from_record(record), record=record)
    Path("bob").mkdir()
    for number in range(3):
        Image.fromarray(draw_face(BOB, number)).save(f"bob/{number}.png")
    yield site
    site.close()


def words(site: ServedBank, *source: str) -> list[str]:
    common = ["--as", "pos.key", "--to", "server.pub", "--server", site.address, "--token-file", "olga.token"]
    return ["enrol", *source, "--account", "bob", *common]


def pays(site: ServedBank) -> Code:
    site.bank.operate(operator_transfers.deposit, payment_id=new_payment_id(), account="bob", amount=250)
    return site.bank.code(site.bank.request(account="bob"), BOB)


@pytest.mark.parametrize("source", [("bob",), ("bob/0.png", "bob/1.png", "bob/2.png")])
def test_m25_pictures_are_enrolled_and_the_face_pays(
    site: ServedBank, source: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(words(site, *source)) == 0
    template = capsys.readouterr().out.strip()
    with site.bank.service.database.reading() as connection:
        assert administration.account_facts(connection, "bob")["templates"] == [template]
    assert pays(site) is Code.PAID


def test_m25_a_camera_is_watched_until_three_frames_serve(site: ServedBank, monkeypatch: pytest.MonkeyPatch) -> None:
    released = []

    class FlickeringCamera:
        def __init__(self, _index: int) -> None:
            self.frame = -1

        def isOpened(self) -> bool:  # noqa: N802
            return True

        def set(self, *_: object) -> bool:
            return True

        def read(self) -> tuple[bool, object]:
            self.frame += 1
            picture = draw_face(BOB, self.frame // 3)[..., ::-1]
            return True, np.zeros_like(picture) if self.frame % 3 else np.ascontiguousarray(picture)

        def release(self) -> None:
            released.append(self.frame)

    monkeypatch.setattr(cv2, "VideoCapture", FlickeringCamera)
    monkeypatch.setattr(enrolment, "SECONDS_BETWEEN_FRAMES", 0.0)
    assert main(words(site, "0")) == 0
    assert released == [6]
    assert pays(site) is Code.PAID


def test_a_camera_that_sees_nothing_is_given_up(site: ServedBank, monkeypatch: pytest.MonkeyPatch) -> None:
    dark = [np.zeros((64, 64, 3), np.uint8)] * 3

    class DarkStream:
        def __enter__(self) -> Iterator[object]:
            return iter(dark)

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(enrolment, "frames", lambda _index: DarkStream())
    monkeypatch.setattr(enrolment, "PATIENCE_S", -1.0)
    assert main(words(site, "0")) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"--account": "a b"}, "letters"),
        ({"--account": "nobody"}, "no account"),
        ({"--token-file": "pos.pub"}, "token"),
        ({"--server": "http://127.0.0.1:1"}, "did not answer"),
        ({"--server": "http://bank.example"}, "https"),
        ({"--token-file": "missing"}, "No such file"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    site: ServedBank, change: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = words(site, "bob")
    for name, value in change.items():
        argv[argv.index(name) + 1] = value
    assert main(argv) == 1
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


def test_too_few_pictures_are_refused(site: ServedBank, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(site, "bob/0.png", "bob/1.png")) == 1
    assert "at least 3" in capsys.readouterr().err
