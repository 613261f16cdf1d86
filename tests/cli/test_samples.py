"""`sealframe samples`: the pictures that the documents use.

Covers M30, A50.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sealframe.cli import main
from sealframe.image import frame_for_viewing, frame_from_bytes

SIZES = {"frame.png": (640, 480), "photo.jpg": (640, 480), "face.png": (256, 256), "receipt.png": (360, 360)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("samples")


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(frame_for_viewing(path.read_bytes()).pixels)


def test_four_pictures_are_written_and_each_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["samples", "samples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("  ")[0] for line in lines] == [str(folder / name) for name in SIZES]
    for line, (name, (width, height)) in zip(lines, SIZES.items(), strict=True):
        frame = frame_from_bytes((folder / name).read_bytes())
        assert (frame.width, frame.height) == (width, height)
        assert line.endswith(f", {width}x{height}")
    assert {path.name for path in folder.iterdir()} == SIZES.keys()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_photo_is_the_frame_and_receipt_is_black_and_white(folder: Path) -> None:
    assert main(["samples", "samples"]) == 0
    difference = pixels(folder / "frame.png").astype(int) - pixels(folder / "photo.jpg")
    assert 0 < np.abs(difference).mean() < 6
    assert set(np.unique(pixels(folder / "receipt.png"))) == {0, 255}


def test_a_folder_is_created_with_those_above_it_and_the_bytes_are_the_same_each_time(folder: Path) -> None:
    assert main(["samples", "samples"]) == 0
    assert main(["samples", "deep/er/samples"]) == 0
    for name in SIZES:
        assert (folder / name).read_bytes() == (Path("deep/er/samples") / name).read_bytes()


def test_a50_nothing_is_overwritten_without_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "receipt.png").write_bytes(b"mine")
    assert main(["samples", "samples"]) == 1
    assert str(folder / "receipt.png") in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["receipt.png"]
    assert (folder / "receipt.png").read_bytes() == b"mine"
    assert main(["samples", "samples", "--force"]) == 0
    assert frame_from_bytes((folder / "receipt.png").read_bytes()).width == 360


def test_a_file_in_place_of_the_folder_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_bytes(b"mine")
    assert main(["samples", "samples"]) == 1
    assert capsys.readouterr().err == "sealframe: samples is a file; name a folder for the pictures.\n"


def test_the_core_install_is_enough() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('fastapi', 'sqlalchemy', 'cv2', 'matplotlib', 'torch')));"
        "import tempfile; from sealframe.cli import main; sys.exit(main(['samples', tempfile.mkdtemp()]))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
