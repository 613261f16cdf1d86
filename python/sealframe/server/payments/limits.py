"""How often and how long a payment may be tried."""

from __future__ import annotations

from dataclasses import dataclass

from sealframe.faces.matchers import TRIES_PER_PAYMENT

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long.

    Parameters
    ----------
    mismatches_per_payment : int
        Faces that do not match before a payment can be made by password alone.
    mismatches_per_day : int
        The same of an account, over all its payments of one day (UTC).
    password_misses : int
        Wrong passwords of an account before it is locked.
    password_lock_ms : int
        Milliseconds for which it is locked.
    payment_lifetime_ms : int
        Milliseconds after which an open payment expires.

    """

    mismatches_per_payment: int = TRIES_PER_PAYMENT
    mismatches_per_day: int = 15
    password_misses: int = 5
    password_lock_ms: int = 15 * 60_000
    payment_lifetime_ms: int = 15 * 60_000
