"""Passwords: argon2id, checked by few threads so that guessing never slows face payments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from sqlalchemy import bindparam, select

from sealframe.payment_protocol import MAX_PASSWORD_CHARACTERS, Code
from sealframe.server.storage.tables import credentials, password_misses

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.server.storage.database import Database

_CREDENTIAL = select(credentials.c.password_hash).where(credentials.c.account == bindparam("account"))
_LOCK = select(password_misses.c.locked_until).where(password_misses.c.account == bindparam("account"))


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """What was found out about a password.

    Parameters
    ----------
    reason : Code or None
        None when the password is the account's, else why not.
    password_hash : str or None
        What it was compared with.

    """

    reason: Code | None
    password_hash: str | None = None


class PasswordVerifier:
    """Hashes and checks passwords, on one core at a time.

    Parameters
    ----------
    hasher : PasswordHasher, optional
        Argon2id with its default cost, unless given.
    clock : callable
        Unix seconds.

    """

    def __init__(self, hasher: PasswordHasher | None = None, clock: Callable[[], float] = time.time) -> None:
        self._hasher = hasher or PasswordHasher(parallelism=1)
        self._clock = clock
        self._nobodys_hash = self._hasher.hash("nobody's password")

    def hash(self, password: str) -> str:
        """The hash to store.

        Raises
        ------
        ValueError
            For an empty password, or one of more than MAX_PASSWORD_CHARACTERS.

        """
        if not 1 <= len(password) <= MAX_PASSWORD_CHARACTERS:
            raise ValueError(f"password must have 1 to {MAX_PASSWORD_CHARACTERS} characters")
        return self._hasher.hash(password)

    def check(self, database: Database, account: str, password: str) -> Checked:
        """Compare a password with an account's. Lockout comes first, hashing after.

        An account that does not exist, or has no password, costs as much as one that has, and is locked as it is.

        Parameters
        ----------
        database : Database
            Where the hashes are.
        account : str
            Name that the person claims.
        password : str
            What they typed.

        """
        with database.reading() as connection:
            locked_until = connection.execute(_LOCK, {"account": account}).scalar_one_or_none() or 0
            password_hash = connection.execute(_CREDENTIAL, {"account": account}).scalar_one_or_none()
        if locked_until > self._clock() * 1000:
            return Checked(Code.PASSWORD_LOCKED)
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, password)
        except Argon2Error:
            return Checked(Code.WRONG_PASSWORD)
        return Checked(None, password_hash) if password_hash else Checked(Code.WRONG_PASSWORD)
