"""Passwords: argon2id, checked by few threads so that guessing never slows face payments (A60)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from sqlalchemy import bindparam, select

from sealframe.payment import MAX_PASSWORD_CHARACTERS, Code
from sealframe.server.settlement import Refused
from sealframe.server.tables import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.server.database import Database

_MAX_WAITING = 16
_CREDENTIAL = select(credentials).where(credentials.c.account == bindparam("account"))


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """reason: None when the password is the account's, else why not. password_hash: what it was compared with."""

    reason: Code | None
    password_hash: str | None = None


class Passwords:
    """Hashes and checks. `clock` gives Unix seconds."""

    def __init__(self, hasher: PasswordHasher | None = None, clock: Callable[[], float] = time.time) -> None:
        self._hasher = hasher or PasswordHasher()
        self._clock = clock
        self._waiting = threading.Semaphore(_MAX_WAITING)

    def hash(self, password: str) -> str:
        """The hash to store. Raises ValueError for an empty or overlong password."""
        if not 1 <= len(password) <= MAX_PASSWORD_CHARACTERS:
            raise ValueError(f"a password has 1 to {MAX_PASSWORD_CHARACTERS} characters")
        return self._hasher.hash(password)

    def check(self, database: Database, account: str, password: str) -> Checked:
        """Compare the password with the account's. Lockout comes first, hashing after.

        An account that does not exist costs as much as one that does. Raises Refused when too many wait.
        """
        with database.reading() as connection:
            credential = connection.execute(_CREDENTIAL, {"account": account}).one_or_none()
        if credential is not None and credential.locked_until > self._clock() * 1000:
            return Checked(Code.PASSWORD_LOCKED)
        if not self._waiting.acquire(blocking=False):
            raise Refused(Code.SERVER_BUSY)
        try:
            self._hasher.verify(credential.password_hash if credential else self._nobodys_hash, password)
        except Argon2Error:
            return Checked(Code.WRONG_PASSWORD)
        finally:
            self._waiting.release()
        return Checked(None, credential.password_hash) if credential else Checked(Code.WRONG_PASSWORD)

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash("nobody's password")
