"""What is dropped before training, and recipes in files.

Covers M16.
"""

import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from sealframe.cli import main
from sealframe.faces import CentreOval, FaceBox, choose_detector
from sealframe.training.dataset import scan
from sealframe.training.degradation import KINDS, degrade
from sealframe.training.face_check import FaceCheck
from sealframe.training.gan import GanRecipe
from sealframe.training.recipes import read_recipe
from sealframe.training.sheets import draw_dropped


class Whole:
    """A detector that takes every picture for a face."""

    def find(self, gray):
        return [FaceBox(0, 0, gray.shape[0])]


@pytest.fixture
def texture():
    return np.random.default_rng(1).integers(0, 256, (120, 120), np.uint8)


def test_m16_a_picture_without_a_face_and_a_covered_face_are_dropped(texture, tmp_path):
    covered = texture.copy()
    covered[60:, 60:] = 90
    for name, pixels in (("face", texture), ("covered", covered)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    found = scan([tmp_path], FaceCheck(Whole()))
    assert found.dropped == {str(tmp_path / "covered.png"): "covered face"}
    assert [picture.path.name for picture in found.pictures] == ["face.png"]
    assert set(scan([tmp_path], FaceCheck()).dropped.values()) == {"no face"}


def test_m16_a_detector_of_ones_own_is_named_on_the_command_line(texture, tmp_path, monkeypatch, capsys):
    """One that sees a face in every picture keeps what the cascade would drop, but for the covered one."""
    (tmp_path / "own_detector.py").write_text(
        "from sealframe.faces import FaceBox\n"
        "class Whole:\n"
        "    def find(self, gray):\n"
        "        return [FaceBox(0, 0, gray.shape[0])]\n"
        "class Blind: pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    pictures, out = tmp_path / "pictures", tmp_path / "run"
    for number in range(3):
        place = pictures / str(number)
        place.mkdir(parents=True)
        shown = np.roll(texture, number, 0)
        shown[60:, 60:] = 90 if number == 2 else shown[60:, 60:]
        Image.fromarray(shown).save(place / "a.png")
    (tmp_path / "recipe.json").write_text('{"steps": 1, "batch": 8, "mix": {"frames_per_pool": 64}}')
    words = ["train", "vae", str(pictures), "--out", str(out), "--recipe", str(tmp_path / "recipe.json")]
    assert main([*words, "--detector", "own_detector:Whole"]) == 0
    assert list(json.loads((out / "dropped.json").read_text()).values()) == ["covered face"]
    for wrong in ("own_detector:Blind", "own_detector:Missing", "nowhere:Whole", "own_detector"):
        assert main([*words, "--detector", wrong]) == 1
        assert f"--detector {wrong}" in capsys.readouterr().err
    assert main([*words[:5], "--faces"]) == 1  # the cascade leaves nothing to train on


def test_m16_the_detectors_of_the_server_serve_training_too(texture):
    """A box may reach beyond the picture, and the largest face is the one that counts."""
    covered = texture.copy()
    covered[60:, 60:] = 90

    class Several:
        def find(self, image):
            return [FaceBox(0, 0, 20), FaceBox(-40, -40, 200), FaceBox(500, 500, 30)]

    for detector in (CentreOval(), choose_detector("centre"), Several()):
        assert [FaceCheck(detector)(gray) for gray in (texture, covered)] == [None, "covered face"]

    class Outside:
        def find(self, image):
            return [FaceBox(-90, 10, 30)]

    assert FaceCheck(Outside())(texture) == "no face"


def test_m16_the_cascade_finds_a_face():
    """The astronaut that comes with scikit-image looks into the camera; the suit below her face shows none."""
    from skimage import data

    gray = np.asarray(Image.fromarray(data.astronaut()).convert("L"))
    assert FaceCheck()(gray[:256, 96:352]) is None
    assert FaceCheck()(gray[256:, 96:352]) == "no face"


def test_m16_the_sheet_of_dropped_pictures_shows_every_one(texture, tmp_path):
    Image.fromarray(texture).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    draw_dropped({str(tmp_path / "a.png"): "duplicate", str(tmp_path / "b.png"): "unreadable"}, tmp_path / "s.png")
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet[:110, :112].std() > 30
    assert 0 < sheet[:110, 112:224].std() < 30
    assert (sheet[:112, 224:] == 255).all()


def test_m16_a_recipe_comes_back_from_its_file(tmp_path):
    recipe = GanRecipe(steps=7, held_out=("a/b",))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(recipe)))
    assert read_recipe(GanRecipe(), path) == recipe
    path.write_text('{"mix": {"degradations": {"occlusion": 1}}, "rate": 1}')
    changed = read_recipe(GanRecipe(), path)
    assert changed.mix.degradations == {"occlusion": 1}
    assert changed.rate == 1.0


@pytest.mark.parametrize("text", ["{", "[]", '{"stops": 3}', '{"steps": "many"}', '{"mix": {"faces": "all"}}'])
def test_a_wrong_recipe_is_refused_with_a_sentence(text, tmp_path):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=r"recipe.*[.:]"):
        read_recipe(GanRecipe(), tmp_path / "recipe.json")


def test_m16_shares_choose_the_degradation(texture):
    rng = np.random.default_rng(2)
    for _ in range(5):
        occluded = degrade(texture, rng, {"occlusion": 1.0})
        grays = np.unique(occluded[occluded != texture])
        assert 1 <= grays.size <= 2  # every third frame is degraded twice
    for shares in ({}, {"fog": 1.0}, dict.fromkeys(KINDS, 0.0)):
        with pytest.raises(ValueError, match="shares"):
            degrade(texture, rng, shares)
