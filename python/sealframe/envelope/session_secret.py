"""What an opening message and the frames after it have in common: the session's id and key."""

from __future__ import annotations

from sealframe.envelope import schedule
from sealframe.keys.secrecy import Unpicklable

SESSION_ID_BYTES = 16


class SessionSecret(Unpicklable):
    """A session's id and key, as both sides hold them."""

    def __init__(self, suite: int, session_id: bytes, key: bytes) -> None:
        self.key_id = session_id
        self.suite = suite
        self.key = key

    @classmethod
    def of_opening(cls, suite: int, header_hash: bytes, content_key: bytes) -> SessionSecret:
        """What the opening message with this header and content key sets up."""
        return cls(suite, header_hash[:SESSION_ID_BYTES], schedule.session_key(content_key))
