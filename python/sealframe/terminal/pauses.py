"""How long the terminal waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pauses:
    """Waits of a terminal, in seconds."""

    resend: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0)
    """Before the same bytes are sent again."""
    cancel_again: float = 5.0
    """The longest between two requests to cancel."""
    not_ready: float = 2.0
    """Before the server is looked for again."""
    steady: float = 0.6
    """So long frames must be good before one is taken."""
    no_good_picture: float = 30.0
    """Without a good frame, the person is asked."""
    abandoned: float = 120.0
    """A question nobody answers cancels the payment; a receipt nobody closes is closed."""
    next_try: float = 1.0
    """The reason for another try stands at least so long."""
    still_there: float = 30.0
    """So long after a capture the same bytes are sent again, across a restart too: then the person may have left."""
