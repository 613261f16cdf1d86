"""`sealframe loadtest`: every scenario in short; what it finds is what the ledger and the answers say (M26, A60)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sealframe.cli import main


def test_m26_a_short_load_test_finds_a_sound_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "load.json"
    asked = ["loadtest", "--payments", "20", "--clients", "3", "--folder", str(tmp_path), "--out", str(out)]
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(out.read_text())
    assert report["faults"] == []
    assert report["scenarios"]["garbage"]["requests"] == report["scenarios"]["again"]["requests"] == 20
    stages = report["scenarios"]["first"]["stages_ms"]
    assert {"waiting", "envelope", "derivation", "face encoding", "settling"} <= set(stages)
    assert sum(stages.values()) < report["scenarios"]["first"]["milliseconds"]["p100"]
    goals = {goal["name"]: goal for goal in report["goals"]}
    assert goals["rows that garbage wrote"]["measured"] == 0
    assert set(report["scenarios"]["garbage"]["kinds_ms"]) == {"noise", "forged signature", "altered picture"}
    assert len(goals) == 7
    with Image.open(out.with_suffix(".png")) as picture:
        assert picture.size == (1000, 820)
    assert {path.name for path in tmp_path.iterdir()} == {"load.json", "load.png"}
    assert main(asked) == 1


@pytest.mark.parametrize(
    "asked",
    [
        ["--payments", "5"],
        ["--payments", "40000"],
        ["--clients", "900"],
        ["--workers", "2"],
        ["--workers", "2", "--database", "sqlite:///x.db"],
    ],
)
def test_load_tests_are_bounded(asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["loadtest", *asked, "--out", str(tmp_path / "load.json")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
