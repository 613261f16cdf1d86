"""The factor is measured on pictures, and the scores mean what they say."""

import json

import numpy as np
import pytest
from PIL import Image

from sealframe.cli import main
from sealframe.training.factor_evaluation import auc


def test_auc_of_apart_equal_and_reversed_scores():
    low, high = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert (auc(high, low), auc(low, high), auc(low, low)) == (1.0, 0.0, 0.5)


def test_evaluate_prints_what_it_measured(tmp_path, capsys):
    rng = np.random.default_rng(4)
    for number in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 9), np.uint8))
        coarse.resize((160, 160), Image.Resampling.BICUBIC).save(tmp_path / f"{number}.png")
    assert main(["evaluate", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 3
    assert report["same_or_different"]["block means of the derived image"]["none"] == 1.0
    assert report["localisation"]["block means of the picture, levelled"]["8 brighter"]["auc"] > 0.9


@pytest.mark.parametrize("folder", ["missing", "."])
def test_evaluate_without_pictures_is_refused(folder, tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / folder)]) == 1
    assert "Traceback" not in capsys.readouterr().err
