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

    Examples
    --------
    >>> from sealframe.keys import Validity
    >>> year_2026 = Validity(not_before=1_767_225_600_000, not_after=1_798_761_599_999)
    >>> year_2026.require(1_780_000_000_000, "device key")
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
        """Require that the key is valid at a time.

        Parameters
        ----------
        now : int
            Unix time in milliseconds.
        what : str
            What the message calls the key, for example "device key".

        Raises
        ------
        KeyNotValid
            When the key is revoked, expired or not yet valid.
        """
        if self.revoked:
            raise KeyNotValid(f"The {what} was revoked; use the new key.")
        if self.not_before is not None and now < self.not_before:
            raise KeyNotValid(f"The {what} is not valid yet; check the clock of this machine.")
        if self.not_after is not None and now > self.not_after:
            raise KeyNotValid(f"The {what} has expired; use the new key.")


ALWAYS = Validity()
