"""The paying demonstration with pictures of one's own (M25-M28): who is enrolled, and what follows five misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bank import ALICE, BOB
from PIL import Image

from sealframe.errors import ImageError
from sealframe.payment import Action, Code
from sealframe.server import demo
from sealframe.server.demo_bank import build_faces, open_bank
from sealframe.server.demo_faces import draw_face
from sealframe.server.demo_people import Customer, customers_in


def write_person(folder: Path, person: int, clear: int, dark: int = 0) -> None:
    folder.mkdir(parents=True)
    frames = [np.zeros((64, 64, 3), np.uint8)] * dark + [draw_face(person, n) for n in range(clear)]
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")


def test_people_are_taken_from_the_pictures_that_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_person(tmp_path / "a", BOB, clear=3, dark=3)  # nothing left to pay with
    write_person(tmp_path / "b", ALICE, clear=4, dark=2)
    write_person(tmp_path / "c", BOB, clear=5)
    write_person(tmp_path / "d", BOB, clear=5)
    customers = customers_in(tmp_path, build_faces(drawn=True))
    assert {name: (len(each.to_enrol), len(each.to_pay)) for name, each in customers.items()} == {
        "alice": (3, 1),
        "bob": (3, 2),
    }
    said = capsys.readouterr().out
    assert "a: 6 pictures, 3 with one clear face; cannot be enrolled" in said
    assert "d:" not in said


def test_a_folder_without_two_people_is_told_in_a_sentence(tmp_path: Path) -> None:
    write_person(tmp_path / "a", ALICE, clear=4)
    with pytest.raises(ImageError, match="two folders"):
        customers_in(tmp_path, build_faces(drawn=True))


def test_m28_after_five_misses_the_password_pays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces = build_faces(drawn=True)
    owner = Customer([draw_face(ALICE, n) for n in range(3)], [draw_face(BOB, n) for n in range(7)])
    bank = open_bank(tmp_path, {"alice": owner}, faces)
    answer, *_ = demo._pay(bank, "alice", owner)
    bank.service.close()
    assert answer.code is Code.PAID
    said = capsys.readouterr().out
    assert [said.count(code) for code in (Code.FACE_MISMATCH.value, Code.FACE_LOCKED.value)] == [4, 1]
    assert Action.PASSWORD.value in said
