"""What the model cards promise, on the files that ship; needs neither torch nor onnx.

Covers A19, A48, M12, M16.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from sealframe.models import ModelSet
from sealframe.training.dataset import read_gray
from sealframe.training.frames import from_blocks, from_tiles, to_blocks, to_frame, to_tiles

MODELS = Path(__file__).parents[2] / "models"
UNSEEN = ("photos/camera.png", "photos/cathedral_2000x3008_444.jpg", "photos/wp047.png", "exif/landscape_1.jpg")


def waves():
    """A smooth picture with edges, drawn here."""
    y, x = np.mgrid[:256, :256]
    smooth = 128 + 60 * np.sin(x / 23) + 50 * np.cos((x + 2 * y) / 41)
    return np.where((x // 64 + y // 64) % 2, smooth, 255 - smooth).astype(np.uint8)


def derive(frames):
    (derived,) = ModelSet(MODELS).run("generator", ["derived"], to_blocks(to_tiles(frames)))
    return from_tiles(from_blocks(derived))


def psnr(first, second):
    return 10 * np.log10(255**2 / np.square(first.astype(float) - second).mean((1, 2)))


@pytest.fixture(scope="module")
def clear(test_data):
    pictures = [waves()]
    if test_data is not None:
        pictures += [read_gray(test_data / "samples" / name) for name in UNSEEN]
    return np.stack([to_frame(picture) for picture in pictures])


def test_m12_derived_images_stay_close_to_clear_pictures(clear):
    assert psnr(derive(clear), clear).mean() >= 28


def test_m16_derived_images_are_clearer_than_strongly_degraded_pictures(clear):
    noise = np.random.default_rng(5).normal(0, 45, clear.shape)
    degraded = np.clip(np.rint(clear + noise), 0, 255).astype(np.uint8)
    before, after = psnr(degraded, clear), psnr(derive(degraded), clear)
    assert before.mean() < 20
    assert after.mean() - before.mean() >= 2


def test_a48_manifest_pins_every_file():
    manifest = json.loads((MODELS / "manifest.json").read_text())["models"]
    named = {part["file"] for entry in manifest.values() for part in entry["files"]}
    assert named == {path.name for path in MODELS.glob("*.onnx")}
    for entry in manifest.values():
        contents = [(MODELS / part["file"]).read_bytes() for part in entry["files"]]
        for part, content in zip(entry["files"], contents, strict=True):
            assert (len(content), hashlib.sha256(content).hexdigest()) == (part["bytes"], part["sha256"])
        assert hashlib.sha256(b"".join(contents)).hexdigest() == entry["sha256"]


def test_all_networks_together_take_4_megabytes_at_most():
    assert sum(path.stat().st_size for path in MODELS.glob("*.onnx")) <= 4_000_000


def test_a19_joint_graph_derives_the_same_image(clear):
    blocks = to_blocks(to_tiles(clear))
    models = ModelSet(MODELS)
    assert np.array_equal(
        *(models.run(name, ["derived"], blocks)[0] for name in ("generator", "generator_discriminator"))
    )
