"""Every kernel of the core beside its peers; the cases are those of `sealframe bench`."""

from __future__ import annotations

from typing import Any

import pytest

from sealframe import bench

OURS = "sealframe"


@pytest.mark.parametrize(
    ("case", "who"),
    [
        pytest.param(case, who, id=f"{case.stage}-{case.name}-{who}")
        for case in bench.cases()
        for who in (OURS, *case.peers)
    ],
)
def test_kernel(benchmark: Any, case: bench.Case, who: str) -> None:
    benchmark.group, benchmark.extra_info["case"] = case.name, who
    benchmark(case.ours if who == OURS else case.peers[who])
