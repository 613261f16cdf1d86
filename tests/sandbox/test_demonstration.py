"""The paying demonstration with pictures of one's own (M25-M28): who is enrolled, and what follows five misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sealframe.errors import ImageError
from sealframe.image import frame_from_bytes
from sealframe.payment_protocol import Action, Code
from sealframe.sandbox import demonstration
from sealframe.sandbox.customers import Customer, customers_in
from sealframe.sandbox.demonstration import face_verifier, open_for
from sealframe.sandbox.drawn_faces import draw_face
from tests.server.bank import ALICE, BOB


def write_person(folder: Path, person: int, clear: int, dark: int = 0) -> None:
    folder.mkdir(parents=True)
    frames = [np.zeros((64, 64, 3), np.uint8)] * dark + [draw_face(person, n) for n in range(clear)]
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")


def test_people_are_taken_from_the_pictures_that_serve(tmp_path: Path) -> None:
    write_person(tmp_path / "a", BOB, clear=3, dark=3)  # nothing left to pay with
    write_person(tmp_path / "b", ALICE, clear=4, dark=2)
    write_person(tmp_path / "c", BOB, clear=5)
    write_person(tmp_path / "d", BOB, clear=5)
    said: list[str] = []
    customers = customers_in(tmp_path, face_verifier(drawn=True), said.append)
    assert {name: (len(each.to_enrol), len(each.to_pay)) for name, each in customers.items()} == {
        "alice": (3, 1),
        "bob": (3, 2),
    }
    assert said[0].startswith("a: 6 pictures, 3 with one clear face; cannot be enrolled")
    assert [line[:2] for line in said] == ["a:", "b:", "c:"]


def test_the_most_alike_are_enrolled_and_a_broken_picture_is_passed_over(tmp_path: Path) -> None:
    write_person(tmp_path / "a", ALICE, clear=5)
    write_person(tmp_path / "b", BOB, clear=5)
    other = draw_face(BOB, 9)
    Image.fromarray(other).save(tmp_path / "a" / "0.png")
    (tmp_path / "b" / "3.png").write_bytes(b"no picture")
    faces = face_verifier(drawn=True)
    customers = customers_in(tmp_path, faces, print)
    assert [len(each.to_pay) for each in customers.values()] == [2, 1]
    assert not any(np.array_equal(frame_from_bytes(each), other) for each in customers["alice"].to_enrol)


def test_people_who_never_look_alike_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for person in range(8):
        Image.fromarray(draw_face(person)).save(tmp_path / "a" / f"{person}.png")
    said: list[str] = []
    with pytest.raises(ImageError, match="Of the 1 people"):
        customers_in(tmp_path, face_verifier(drawn=True), said.append)
    assert said == ["a: 8 pictures, 8 with one clear face; cannot be enrolled: no 3 look alike"]


def test_a_stranger_who_is_taken_for_the_owner_does_not_end_the_demonstration(tmp_path: Path) -> None:
    said: list[str] = []
    faces = face_verifier(drawn=True)
    owner = Customer([draw_face(ALICE, n) for n in range(3)], [draw_face(ALICE, 4)])
    twin = Customer([draw_face(BOB, n) for n in range(3)], [draw_face(ALICE, 5), draw_face(BOB, 6)])
    shown = open_for(tmp_path, {"alice": owner, "bob": twin}, faces, said.append)
    assert demonstration._tell(shown)
    assert shown.close_soundly()
    assert any("as it does now and then" in line for line in said)


def test_a_folder_without_two_people_is_told_in_a_sentence(tmp_path: Path) -> None:
    write_person(tmp_path / "a", ALICE, clear=4)
    with pytest.raises(ImageError, match="Of the 1 people"):
        customers_in(tmp_path, face_verifier(drawn=True), print)


def test_m28_after_five_misses_the_password_pays(tmp_path: Path) -> None:
    lines: list[str] = []
    faces = face_verifier(drawn=True)
    owner = Customer([draw_face(ALICE, n) for n in range(3)], [draw_face(BOB, n) for n in range(7)])
    shown = open_for(tmp_path, {"alice": owner}, faces, lines.append)
    answer, *_ = demonstration._pay(shown, "alice", owner)
    shown.bank.close()
    assert answer.code is Code.PAID
    said = "\n".join(lines)
    assert [said.count(code) for code in (Code.FACE_MISMATCH.value, Code.FACE_LOCKED.value)] == [4, 1]
    assert Action.PASSWORD.value in said
