"""The kernels of the stage similarity beside their peers; the cases are those of `sealframe bench`."""

from __future__ import annotations

from typing import Any

import pytest

from sealframe import bench


@pytest.mark.parametrize(
    ("case", "who"),
    [
        pytest.param(case, who, id=f"{case.name}-{who}")
        for case in bench.cases("similarity")
        for who in ("sealframe", *case.peers)
    ],
)
def test_similarity(benchmark: Any, case: bench.Case, who: str) -> None:
    benchmark.group, benchmark.extra_info["case"] = case.name, who
    benchmark(case.ours if who == "sealframe" else case.peers[who])
