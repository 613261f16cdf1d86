"""Error rates and `sealframe calibrate` (M26): known scores, people as units, refusals, and the server's use of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sealframe.calibration.error_rates import Comparisons, bootstrap, rate_curve
from sealframe.calibration.measurement import FaceSamples, enrolled_comparisons, single_comparisons
from sealframe.cli import main
from sealframe.errors import ModelError, PolicyError
from sealframe.faces.matchers import DemoMatcher, per_payment
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.verification.thresholds import thresholds_at


def comparisons(genuine: list[float], impostor: list[float]) -> Comparisons:
    scores = np.array(genuine + impostor)
    enrolled = np.zeros(len(scores), np.int64)
    probe = np.array([0] * len(genuine) + [1] * len(impostor))
    return Comparisons(scores, enrolled, probe)


def test_rates_of_scores_counted_by_hand() -> None:
    curve = rate_curve(comparisons([0.9, 0.8, 0.7, 0.1], [0.75, 0.2, 0.1, -0.5]))
    assert curve.fmr_at(512) == 0.25
    assert curve.fnmr_at(512) == 0.25
    assert curve.eer == 0.25
    assert curve.auc == pytest.approx((4 + 4 + 3 + 1.5) / 16)
    assert curve.threshold_at(0.25) == int(0.2 * 1024) + 1
    assert curve.threshold_at(0.0) == int(0.75 * 1024) + 1
    assert rate_curve(comparisons([0.5], [0.5])).auc == 0.5


def test_the_auc_is_the_share_of_right_orders() -> None:
    rng = np.random.default_rng(1)
    genuine, impostor = rng.normal(0.4, 0.2, 300).clip(-1, 1), rng.normal(0.1, 0.2, 500).clip(-1, 1)
    share = (genuine[:, None] > impostor).mean()
    assert rate_curve(comparisons(list(genuine), list(impostor))).auc == pytest.approx(share, abs=2e-3)


def test_intervals_count_people_not_comparisons() -> None:
    """A thousand equal comparisons of each person tell no more than one of each."""
    rng = np.random.default_rng(2)
    owners, quality = np.arange(20), rng.uniform(0.2, 0.9, 20)

    def widths(copies: int) -> float:
        own = np.repeat(owners, copies)
        others = np.array([(a, b) for a in owners for b in owners if a != b])
        scores = np.concatenate([quality[own], rng.uniform(0, 0.6, len(others))])
        made = Comparisons(scores, np.concatenate([own, others[:, 0]]), np.concatenate([own, others[:, 1]]))
        low, high = bootstrap(made, 20, {"fnmr": lambda curve: curve.fnmr_at(512)})["fnmr"]
        return high - low

    assert widths(50) == pytest.approx(widths(1), rel=0.25)
    assert widths(1) > 0.2


def test_enrolled_frames_are_never_their_own_probes() -> None:
    matcher, rng = DemoMatcher(), np.random.default_rng(3)
    people = {name: [rng.integers(-90, 90, 128, np.int8) for _ in range(7)] for name in "ab"}
    samples = FaceSamples(people, 14)
    one, three = single_comparisons(samples), enrolled_comparisons(samples, matcher)
    assert (one.genuine.sum(), (~one.genuine).sum()) == (42, 49)
    assert (three.genuine.sum(), (~three.genuine).sum()) == (2 * 2 * 4, 2 * 2 * 7)
    mean = matcher.mean(people["a"][:3])
    assert three.scores[0] == pytest.approx(matcher.score(mean, people["a"][3]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("people")
    for person in range(1, 9):
        (home / f"p{person}").mkdir()
        for capture in range(5):
            Image.fromarray(draw_face(person, capture)).save(home / f"p{person}" / f"{capture}.png")
    (home / "p1" / "broken.png").write_bytes(b"no picture")
    return home


def test_m26_calibrate_writes_what_the_server_takes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site.json"
    asked = ["calibrate", str(folder), "--fmr", "0.05", "--detector", "centre", "--out", str(out)]
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(out.read_text())
    assert (report["people"], report["pictures"], report["refused_pictures"]) == (8, 41, {"unreadable": 1})
    assert (report["pairs"], report["genuine"], report["failure_to_enrol"]) == (8 * 35, 8 * 2, 0)
    for row in report["rows"]:
        assert row["measured_fmr"] <= row["fmr"]
        assert row["fmr_interval"][0] <= row["measured_fmr"] <= row["fmr_interval"][1]
    matcher = DemoMatcher()
    measured = {row["fmr"]: row["threshold"] for row in report["rows"]}
    assert thresholds_at(out, matcher, 0.05) == (measured[0.05], measured[0.1])
    with pytest.raises(PolicyError):
        thresholds_at(out, matcher, 2.9 / report["pairs"])
    matcher.model_sha256 = "0" * 64
    with pytest.raises(ModelError):
        thresholds_at(out, matcher, 0.05)
    with Image.open(out.with_suffix(".png")) as plot:
        assert plot.size == (900, 640)
    assert main(asked) == 1
    assert main([*asked, "--force"]) == 0
    assert "one payment of 5 tries with 22.62%" in capsys.readouterr().out


@pytest.mark.parametrize("case", ["rate", "nobody", "nowhere"])
def test_m26_calibrate_refuses_what_cannot_be_known(
    case: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"rate": folder, "nobody": tmp_path, "nowhere": tmp_path / "none"}[case]
    out = tmp_path / "x.json"
    assert main(["calibrate", str(where), "--fmr", "0.01", "--detector", "centre", "--out", str(out)]) == 1
    assert "\n" not in capsys.readouterr().err.strip()
    assert not out.exists()


@pytest.mark.parametrize("rate", ["0", "1", "2", "-0.1", "nan", "inf", "much"])
def test_a_rate_is_between_nothing_and_always(rate: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["calibrate", str(folder)], ["server", "run", "--home", str(folder)]):
        with pytest.raises(SystemExit, match="2"):
            main([*words, f"--fmr={rate}"])
        assert "a rate between 0 and 1" in capsys.readouterr().err


def test_the_place_of_the_report_is_looked_at_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["calibrate", str(folder)], ["loadtest", "--payments", "20"]):
        assert main([*words, "--out", str(tmp_path / "none" / "x.json")]) == 1
        said = "is not a folder; create the folder first, or choose another."
        assert capsys.readouterr().err == f"sealframe: {tmp_path / 'none'} {said}\n"
    assert main(["loadtest", "--folder", str(tmp_path / "none"), "--out", str(tmp_path / "x.json")]) == 1
    assert "is not a folder" in capsys.readouterr().err


def test_tries_multiply_false_matches() -> None:
    assert per_payment(0.01) == pytest.approx(0.049, abs=1e-4)
