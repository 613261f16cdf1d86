"""Every documented call, with generated input, answers as documented (A53)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.server.bank import Bank
from tests.server.http.test_app import Site

EXAMPLES = 10


def test_every_call_answers_as_documented(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    site = Site(bank)
    try:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{site.port}/openapi.json")
        operations = [result.ok() for result in schema.get_all_operations()]
        for operation in operations:
            answers_as_documented(operation, site)
        assert len(operations) == 15
    finally:
        site.stop()
    assert not bank.broken_invariants()


def answers_as_documented(operation: Any, site: Site) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def call(case: Any) -> None:
        # No schema can say which bytes are an envelope, or which text a device's record: those may be refused.
        case.call_and_validate(
            headers={"Authorization": f"Bearer {site.token}"}, excluded_checks=[positive_data_acceptance]
        )

    call()
