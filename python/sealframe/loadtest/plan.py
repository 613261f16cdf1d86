"""What a load test does: scenarios, payments, clients, servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection

SCENARIOS = ("one-by-one", "together", "twice", "flood", "commits")
FEWEST_PAYMENTS, MOST_PAYMENTS, MOST_CLIENTS = 20, 4000, 48


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One load test. Raises PolicyError for one that a computer or a database cannot carry."""

    payments: int = 200
    """In each scenario, 20 to 4000."""
    clients: int = 16
    """Who pay at once, 1 to 48."""
    workers: int = 1
    """Server processes; several need PostgreSQL."""
    database_url: str | None = None
    """An empty PostgreSQL database; SQLite in the test's folder by default."""
    scenarios: Collection[str] = SCENARIOS
    """Those to play."""

    def __post_init__(self) -> None:
        if not FEWEST_PAYMENTS <= self.payments <= MOST_PAYMENTS:
            raise PolicyError(f"--payments must be {FEWEST_PAYMENTS} to {MOST_PAYMENTS}; change the number.")
        if not 1 <= self.clients <= MOST_CLIENTS:
            raise PolicyError(
                f"--clients must be 1 to {MOST_CLIENTS}, because a server takes 64 requests at once; change the number."
            )
        if self.workers > 1 and not (self.database_url or "").startswith("postgresql"):
            raise PolicyError("--workers above 1 needs PostgreSQL; give --database postgresql://... as well.")
