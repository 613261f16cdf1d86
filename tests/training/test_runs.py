"""A tiny run of each path, from pictures on disk to an exported network that runs; under a minute together.

Covers A49, M6, M11, M16.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("segno")

import torch

from sealframe.cli import main
from sealframe.derivation import infer_posterior
from sealframe.factor import OWN_PROFILES, compute_image_factor, profile_by_name
from sealframe.features import extract_features
from sealframe.image import frame_from_array
from sealframe.models import MANIFEST_FORMAT, ModelSet
from sealframe.training import evaluate_networks as judging
from sealframe.training.choice import Candidate, best, choose, parse_options, variants
from sealframe.training.dataset import held_out, scan
from sealframe.training.export import export_gan, ship
from sealframe.training.frames import to_blocks, to_tiles
from sealframe.training.gan import GanRecipe, GanRun
from sealframe.training.pairs import Mix
from sealframe.training.vae import VaeRecipe, VaeRun
from sealframe.training.vae_export import export_vae
from tests.reference.features import spectrum, unblock

TINY = Mix(frames_per_pool=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve sources of smooth random pictures, and three files that cleaning drops."""
    root = tmp_path_factory.mktemp("pictures") / "faces"
    rng = np.random.default_rng(3)
    for number in range(12):
        place = root / f"source{number}"
        place.mkdir(parents=True)
        coarse = Image.fromarray(rng.integers(0, 256, (9, 9), np.uint8))
        coarse.resize((160, 160), Image.Resampling.BICUBIC).save(place / "a.png")
    (root / "source0" / "broken.png").write_bytes(b"no picture")
    Image.new("L", (160, 160), 80).save(root / "source1" / "flat.png")
    (root / "source9" / "again.png").write_bytes((root / "source3" / "a.png").read_bytes())
    return root


@pytest.fixture(scope="module")
def recipe():
    return GanRecipe(steps=6, batch=8, judged=4, mix=TINY)


def test_m16_cleaning_says_what_was_dropped_and_why(folder):
    found = scan([folder])
    reasons = {path.rsplit("/", 1)[1]: reason for path, reason in found.dropped.items()}
    assert reasons == {"broken.png": "unreadable", "flat.png": "near-constant", "again.png": "duplicate"}
    assert len(found.pictures) == 12
    assert len(found.sources) == 12


def test_held_out_sources_depend_on_their_name_alone():
    names = [f"faces/{number}" for number in range(4000)]
    share = np.mean([held_out(name) for name in names])
    assert 0.08 < share < 0.12
    assert [held_out(name) for name in names] == [held_out(name) for name in names]


def test_m16_equal_seeds_give_equal_pairs(folder, recipe):
    pictures = scan([folder]).pictures
    first, second = (GanRun(recipe, pictures, folder / "none").pairs.batch(3, 8) for _ in range(2))
    other = GanRun(replace(recipe, seed=2), pictures, folder / "none").pairs.batch(3, 8)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[1], other[1])
    assert any(not np.array_equal(a, b) for a, b in zip(*first, strict=True))


def test_m16_a_run_resumes_where_it_stopped(folder, recipe, tmp_path):
    pictures = scan([folder]).pictures
    whole = GanRun(recipe, pictures, tmp_path / "whole")
    whole.run(lambda line: None)
    stopped = GanRun(recipe, pictures, tmp_path / "stopped")
    for _ in range(4):
        stopped.advance()
    stopped.save()
    resumed = GanRun(recipe, pictures, tmp_path / "stopped")
    assert resumed.step == 4
    resumed.run(lambda line: None)
    for (name, expected), found in zip(
        whole.averaged.state_dict().items(), resumed.averaged.state_dict().values(), strict=True
    ):
        assert expected.equal(found), name


def test_a_folder_of_another_recipe_is_refused(folder, recipe, tmp_path):
    pictures = scan([folder]).pictures
    GanRun(recipe, pictures, tmp_path).save()
    with pytest.raises(ValueError, match="another recipe"):
        GanRun(replace(recipe, steps=7), pictures, tmp_path)


def test_m16_gan_from_pictures_to_networks(folder, recipe, tmp_path):
    """Even before training the generator draws its input, so a tiny run already clears 25 dB on what it knows."""
    pictures = scan([folder]).pictures
    run = GanRun(recipe, pictures, tmp_path)
    run.run(lambda line: None)
    export_gan(run, tmp_path)
    judge = judging.GanEvaluator(tmp_path)
    clear = judging.photographed("faces", folder, kept=[picture.source for picture in pictures])
    report = judge.clean(clear)
    assert report["psnr"] > 25
    assert report["integer_to_float_twin_psnr"] > 40
    assert 0 <= report["discriminator_auc"] <= 1


def test_m11_vae_from_pictures_to_networks(folder, tmp_path):
    recipe = VaeRecipe(steps=150, batch=16, mix=TINY, features="pixels")
    run = VaeRun(recipe, scan([folder]).pictures, tmp_path)
    first = run.advance()
    run.run(lambda line: None, every=50)
    assert run.history[-1]["bits"] < 0.97 * first["bits"]
    export_vae(run, tmp_path)
    tiles, _ = run.pairs.batch(0, 16)
    judge = judging.VaeEvaluator(tmp_path)
    mean, log_variance = judge.encode(tiles)
    chance = judge.decode(mean)
    assert mean.shape == log_variance.shape == (16, 8, 8, 16)
    assert chance.shape == (16, 16, 16, 4)


def test_a_manifest_that_is_added_to_gets_the_format_of_what_is_added(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 2, "models": {"old": {}}}))
    ship({}, {}, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"format": MANIFEST_FORMAT, "models": {"old": {}}}


def test_m6_nets_fed_with_the_spectrum_make_factors(folder, tmp_path):
    """What the network reads is the cosine transform of the binary pixels, as its twin computes it."""
    recipe = VaeRecipe(steps=20, batch=16, mix=TINY, features="spectrum", channels=8)
    run = VaeRun(recipe, scan([folder]).pictures, tmp_path)
    run.run(lambda line: None, every=10)
    export_vae(run, tmp_path)
    own = ModelSet.from_directory(tmp_path)
    frame = frame_from_array(np.random.default_rng(2).integers(0, 256, (128, 128), np.uint8))
    features = extract_features(frame, 128)
    binary = np.where(unblock(features.tiles, 128, 128) >= 128, 255, 0)
    steps = np.floor_divide(spectrum(binary).astype(int) + 128, 256)
    wanted = np.clip(128 + steps, 0, 255).astype(np.uint8).reshape(16, 32, 32)
    assert np.array_equal(infer_posterior(features, own).mean, own.run("posterior", ["mean"], wanted)[0])
    factor = compute_image_factor(frame, profile_by_name("vae", "rows", own), own)
    assert factor.profile.number == 6 + OWN_PROFILES
    with pytest.raises(ValueError, match="pixels"):
        VaeRun(replace(recipe, features="wavelets"), scan([folder]).pictures, tmp_path / "other").advance()


def test_the_smallest_candidate_that_is_about_as_good_is_chosen():
    candidates = [Candidate("a", "a", 9, 1.0), Candidate("b", "b", 5, 1.04), Candidate("c", "c", 2, 2.0)]
    assert [best(candidates, tolerance).name for tolerance in (0.0, 0.05, 1.0)] == ["a", "b", "c"]


def test_m11_short_runs_choose_size_and_features(folder, tmp_path):
    pictures = scan([folder]).pictures
    judged = tuple(sorted({picture.source for picture in pictures})[:2])
    recipe = VaeRecipe(steps=99, batch=8, mix=TINY, held_out=judged)
    recipes = variants(recipe, parse_options(["channels=4,8", "features=pixels,spectrum"]))
    assert [(each.channels, each.features) for each in recipes.values()] == [
        (4, "pixels"),
        (4, "spectrum"),
        (8, "pixels"),
        (8, "spectrum"),
    ]
    chosen = choose(lambda each, out: VaeRun(each, pictures, out), recipes, 3, tmp_path, lambda line: None)
    report = json.loads((tmp_path / "choice.json").read_text())
    assert report["chosen"] == chosen.name in recipes
    assert len({entry["weights"] for entry in report["candidates"]}) == 2
    assert (tmp_path / "choice.png").stat().st_size > 1000
    for wrong in ("channels", "channels=", "depth=3"):
        with pytest.raises(ValueError, match=r"FIELD=VALUE|no field"):
            variants(recipe, parse_options([wrong]))


def test_m16_a_smaller_generator_is_exported_too(folder, recipe, tmp_path):
    run = GanRun(replace(recipe, channels=4, steps=2), scan([folder]).pictures, tmp_path)
    run.run(lambda line: None)
    export_gan(run, tmp_path)
    clear = judging.photographed("faces", folder, kept=[picture.source for picture in scan([folder]).pictures])
    assert judging.GanEvaluator(tmp_path).clean(clear)["integer_to_float_twin_psnr"] > 35


def test_a49_a_checkpoint_that_runs_code_when_it_is_read_is_refused(folder, recipe, tmp_path):
    """Checkpoints are read as plain tensors: a pickle that calls a function is not followed."""
    marker = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return (marker.touch, ())

    torch.save({"step": 1, "recipe": Attack()}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="not a checkpoint"):
        GanRun(recipe, scan([folder]).pictures, tmp_path)
    assert not marker.exists()


def test_command_line_trains_and_judges(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(judging, "DRAWN_PER_CLASS", 3)
    assert main(["train", "gan", str(folder), "--out", str(tmp_path), "--steps", "2", "--seed", "5"]) == 0
    written = {path.name for path in tmp_path.iterdir()}
    assert {"generator.onnx", "manifest.json", "losses.png", "samples.png", "recipe.json", "dropped.json"} <= written
    assert main(["train", "judge", "--models", str(tmp_path), "--unseen", f"photograph={folder}"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["clean"]) == {"photograph", "payment_code", "captcha", "document"}
    assert report["degraded"]["photograph"]["all below 20 dB"]["frames"] > 0


def test_frames_survive_tiles_and_blocks():
    from sealframe.training.frames import from_blocks, from_tiles

    frames = np.random.default_rng(1).integers(0, 256, (2, 128, 128), np.uint8)
    assert np.array_equal(from_tiles(from_blocks(to_blocks(to_tiles(frames)))), frames)
