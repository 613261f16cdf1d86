"""`sealframe bench` measures every kernel and prints a table or JSON."""

from __future__ import annotations

import json

import pytest

from sealframe import bench
from sealframe.cli import main


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SAMPLES", 1)
    monkeypatch.setattr(bench, "SAMPLE_SECONDS", 1e-5)
    monkeypatch.setattr(bench, "MEMORY_BYTES", 1 << 22)


def test_json_holds_limits_and_a_row_for_each_case(capsys) -> None:
    assert main(["bench", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["read_gb_per_s"]) == set(found["copy_gb_per_s"]) == {"in cache", "from memory"}
    assert [row["name"] for row in found["rows"]] == [case.name for case in bench.cases()]
    for row in found["rows"]:
        assert row["microseconds"] > 0
        assert all(ratio > 0 for ratio in row["ratios"].values())


def test_the_table_names_every_kernel(capsys) -> None:
    assert main(["bench"]) == 0
    text = capsys.readouterr().out
    assert all(case.name in text for case in bench.cases())
    assert "GB/s from memory" in text


def test_stages_divide_the_cases() -> None:
    stages = {case.stage for case in bench.cases()}
    assert sum(len(list(bench.cases(stage))) for stage in stages) == len(list(bench.cases()))
