"""From when until when a key is valid, and whether it was revoked."""

from __future__ import annotations

from dataclasses import dataclass

from sealframe.errors import KeyNotValid


@dataclass(frozen=True, slots=True)
class Validity:
    """When a key is valid: from `not_before` to `not_after`, both included, unless it was revoked.

    Parameters
    ----------
    not_before, not_after : int, optional
        Unix time in milliseconds; None leaves that side open.
    revoked : bool
        Whether the key is refused at all times.

    Raises
    ------
    TypeError
        When a field has another type.
    """

    not_before: int | None = None
    not_after: int | None = None
    revoked: bool = False

    def __post_init__(self) -> None:
        for time in (self.not_before, self.not_after):
            if time is not None and (not isinstance(time, int) or isinstance(time, bool)):
                raise TypeError("validity times must be integers, in Unix milliseconds")
        if not isinstance(self.revoked, bool):
            raise TypeError("revoked must be a bool")

    def require(self, now: int, what: str) -> None:
        """Raise KeyNotValid unless the key, described by `what`, is valid at `now` (Unix milliseconds)."""
        if self.revoked:
            raise KeyNotValid(f"The {what} was revoked; use the new key.")
        if self.not_before is not None and now < self.not_before:
            raise KeyNotValid(f"The {what} is not valid yet; check the clock of this machine.")
        if self.not_after is not None and now > self.not_after:
            raise KeyNotValid(f"The {what} has expired; use the new key.")


ALWAYS = Validity()
