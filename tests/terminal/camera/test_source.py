"""Where frames come from: cameras that hang, videos, folders, sequences; whatever is wrong with them. Covers M24."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from sealframe.errors import ImageError
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.terminal.camera.source import BrowserCamera, CameraSource, FileSource, source_of
from sealframe.terminal.states import Choice, Reason, State
from tests.server.bank import ALICE, FUNDS
from tests.terminal.running_terminal import RunningTerminal
from tests.terminal.served_bank import ServedBank


class Device:
    """What OpenCV gives for a camera: a test decides when it opens, and when a frame comes."""

    opens, gives = threading.Event(), threading.Event()
    opened = released = 0

    def __init__(self, _index: int) -> None:
        assert Device.opens.wait(60)
        Device.opened += 1

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, *_: object) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        assert Device.gives.wait(60)
        return True, np.ascontiguousarray(draw_face(ALICE, 40)[..., ::-1])

    def release(self) -> None:
        Device.released += 1


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Device]]:
    """A camera that does not open yet."""
    Device.opens, Device.gives, Device.opened, Device.released = threading.Event(), threading.Event(), 0, 0
    monkeypatch.setattr(cv2, "VideoCapture", Device)
    monkeypatch.setattr("sealframe.terminal.camera.source.RELEASE_SECONDS", 0.05)
    yield Device
    Device.opens.set()
    Device.gives.set()


@pytest.fixture
def till(site: ServedBank, tmp_path: Path) -> Iterator[RunningTerminal]:
    till = RunningTerminal(site, tmp_path / "till", source=CameraSource(0))
    yield till
    till.stop()


@pytest.mark.parametrize("opens", [False, True])
def test_cancel_waits_for_no_camera_that_hangs_and_it_is_released_all_the_same(
    site: ServedBank, device: type[Device], till: RunningTerminal, opens: bool
) -> None:
    if opens:
        device.opens.set()
    till.pay()
    till.until(State.READY)
    till.cancel()
    assert till.until(State.CANCELLED).reason is Reason.BY_PERSON
    till.choose(Choice.DONE)
    till.until(State.IDLE)
    till.pay()  # has the camera once the one before has given it back
    till.until(State.READY)
    device.opens.set()
    device.gives.set()
    till.until(State.PAID)
    till.stop()
    for thread in threading.enumerate():
        if thread.name == "camera":
            thread.join(20)
    assert device.opened == device.released > 0
    assert site.bank.balance("alice") == FUNDS - 250


def test_a_camera_that_gives_nothing_is_no_camera(device: type[Device], till: RunningTerminal) -> None:
    device.opens.set()
    till.wait_longer(no_good_picture=0.2)
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_CAMERA


def test_a_camera_that_is_not_there_is_no_camera(till: RunningTerminal) -> None:
    till.controller._flow.source = CameraSource(97)
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_CAMERA


def write_pictures(folder: Path, *names: str) -> None:
    folder.mkdir()
    for shade, name in enumerate(names):
        Image.fromarray(np.full((48, 64, 3), 10 * shade, np.uint8)).save(folder / name)


def shades(source: Any, number: int) -> list[int]:
    with source.open() as frames:
        return [round(float(next(frames).mean()) / 10) for _ in range(number)]


def test_a_folder_gives_its_pictures_in_order_and_again(tmp_path: Path) -> None:
    write_pictures(tmp_path / "faces", "a.png", "b.jpg", "c.bmp")
    (tmp_path / "faces" / "notes.txt").write_text("no picture")
    assert shades(source_of(str(tmp_path / "faces")), 5) == [0, 1, 2, 0, 1]


def test_what_cannot_be_read_in_a_folder_is_left_out(tmp_path: Path) -> None:
    write_pictures(tmp_path / "faces", "a.png", "b.png", "c.png")
    whole = (tmp_path / "faces" / "b.png").read_bytes()
    (tmp_path / "faces" / "b.png").write_bytes(whole[:40])
    (tmp_path / "faces" / "d.jpg").write_bytes(b"nonsense")
    (tmp_path / "faces" / "e.png").write_bytes(b"")
    assert shades(source_of(str(tmp_path / "faces")), 4) == [0, 2, 0, 2]


def test_numbered_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write_pictures(tmp_path / "seq", "f_2.png", "f_10.png", "f_1.png", "g_0.png", "f_1.jpg")
    assert shades(source_of(str(tmp_path / "seq" / "f_%d.png")), 4) == [2, 0, 1, 2]
    assert shades(source_of(str(tmp_path / "seq" / "f_%02d.png")), 3) == [2, 0, 1]


def test_a_video_repeats(tmp_path: Path) -> None:
    path = tmp_path / "video.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for shade in (0, 5, 10):
        video.write(np.full((48, 64, 3), 10 * shade, np.uint8))
    video.release()
    assert shades(source_of(str(path)), 4) == [0, 5, 10, 0]


@pytest.mark.parametrize(
    "name", ["broken.mp4", "broken.avi", "empty.mp4", "broken.png", "folder", "nothing_%03d.png", "all_bad"]
)
def test_a_source_without_a_picture_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "all_bad").mkdir()
    for number in range(2):
        (tmp_path / "all_bad" / f"{number}.jpg").write_bytes(b"no picture")
    if not name.startswith(("folder", "nothing", "all")):
        (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"this is no video at all" * 100)
    with pytest.raises(ImageError):
        source_of(str(tmp_path / name))


def test_sources_by_name(tmp_path: Path) -> None:
    assert isinstance(source_of("browser"), BrowserCamera)
    assert isinstance(source_of("0"), CameraSource)
    write_pictures(tmp_path / "one", "a.png")
    assert isinstance(source_of(str(tmp_path / "one" / "a.png")), FileSource)
    with pytest.raises(ImageError, match="does not exist"):
        source_of(str(tmp_path / "nowhere.mp4"))
