"""The factor is measured on pictures, and the scores mean what they say.

Covers M10, M14, M15.
"""

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from sealframe.cli import main
from sealframe.roc import auc
from sealframe.training import factor_evaluation as evaluation
from sealframe.training.block_features import ALL_BLOCK_FEATURES, codes_of, find_shift, rounded
from sealframe.training.comparator import Comparator
from sealframe.training.edits import BENIGN, EDITS, block_means, edited, shifted

DERIVED = "derived image, block means"


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(4)
    coarse = [Image.fromarray(rng.integers(0, 256, (9, 9), np.uint8)) for _ in range(4)]
    return [np.asarray(each.resize((128, 128), Image.Resampling.BICUBIC)) for each in coarse]


def test_found_lets_no_more_negatives_pass_than_asked_for():
    negative = np.arange(100.0)
    assert evaluation.found_at(negative, negative, 0.01) <= 0.01
    assert evaluation.found_at(negative + 1, negative, 0.01) == 0.01
    assert evaluation.found_at(np.full(3, 98.5), negative, 0.05) == 1.0


def test_an_edit_changes_its_part_and_nothing_else(frames):
    for edit in EDITS:
        picture, share = edited(frames[0], frames[1], edit, np.random.default_rng(1))
        untouched = block_means(picture != frames[0]) == 0
        assert untouched[share == 0].all()
        assert not untouched[share == 1].all()


def test_the_shift_of_a_moved_picture_is_found(frames):
    signed = rounded(DERIVED, codes_of(frames[2])[DERIVED])
    for down, right in ((0, 0), (2, -1), (-3, 3)):
        moved = shifted(frames[2], down, right)
        assert find_shift(moved, signed) == (down, right)
        assert np.array_equal(shifted(moved, -down, -right)[4:-4, 4:-4], frames[2][4:-4, 4:-4])


def test_what_stays_in_its_interval_scores_nothing_when_compared_tolerantly(frames):
    signed = evaluation.signed_codes(frames[3])
    received = evaluation.Received.of(frames[3], signed)
    for name in (DERIVED, "picture, block means"):
        scores = dict(evaluation.scores(name, signed[name], received, {}))
        assert set(scores) == {"difference", "levelled", "tolerant"}
        assert scores["difference"].max() == 0
        assert scores["tolerant"].max() <= 0.5


def test_a_comparator_learns_to_see_what_is_brighter():
    rng = np.random.default_rng(7)
    signed = [rng.integers(0, 256, (16, 16, 1)).astype(float) for _ in range(60)]
    shares = np.zeros((60, 16, 16))
    shares[:, 4:9, 3:8] = 1
    shares = np.stack([np.roll(each, rng.integers(0, 8, 2), (0, 1)) for each in shares])
    received = [code + 6 * share[..., None] for code, share in zip(signed, shares, strict=True)]
    comparator = Comparator(1, 1.0, 1)
    assert sum(weight.numel() for weight in comparator.network.parameters()) == 11297
    comparator.learn(signed[:50], received[:50], shares[:50], seed=1, steps=120)
    found = [comparator.scores(a, b) for a, b in zip(signed[50:], received[50:], strict=True)]
    changed, untouched = (np.concatenate([f[s == v] for f, s in zip(found, shares[50:], strict=True)]) for v in (1, 0))
    assert auc(changed, untouched) > 0.99


def test_equal_reductions_are_counted(frames):
    report = evaluation.collisions([frames[0], frames[0], frames[1]])
    assert report["gan"]["pairs"] == 3
    assert report["gan"]["rows"] == report["vae"]["rows"] == 1


def test_evaluate_measures_draws_and_prints(frames, tmp_path, capsys):
    for number, frame in enumerate(frames[:3]):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    out = tmp_path / "report"
    assert main(["evaluate", str(tmp_path), "--out", str(out)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((out / "evaluation.json").read_text())
    assert (report["pictures"], report["learnt_from"]) == (3, 0)
    assert set(report["same_or_different"][DERIVED]) == {*BENIGN, "all together"}
    assert report["same_or_different"][DERIVED]["none"] == 1.0
    assert set(report["localisation"]) >= {name for name in ALL_BLOCK_FEATURES if "hash" not in name}
    assert report["localisation"]["picture, block means"]["levelled"]["8 brighter"]["block_auc"] > 0.9
    moved = report["localisation_moved"][DERIVED]
    assert moved["tolerant"]["splice"]["block_auc"] > moved["difference"]["splice"]["block_auc"]
    for name in ("roc", "localisation", "edits", "nearest"):
        assert np.asarray(Image.open(out / f"{name}.png").convert("L")).std() > 5


@pytest.mark.parametrize("folder", ["missing", "."])
def test_evaluate_without_pictures_is_refused(folder, tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / folder)]) == 1
    assert "Traceback" not in capsys.readouterr().err
