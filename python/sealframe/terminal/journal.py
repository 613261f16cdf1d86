"""Payments that have no end yet, on the disk before anything of them leaves.

    <folder>/lock                  held by the one terminal that uses the folder
    <folder>/<payment id>.open     a payment under way: its terms as one line of JSON; mode 0600
    <folder>/history.jsonl         how every payment ended

Neither pictures nor keys nor passwords are written: after a crash nothing is sent again, for the person may have left;
the server is asked instead. A file that a crash cut short belongs to a payment of which nothing was sent.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.errors import KeyFileError, PolicyError
from sealframe.payment import Action, PaymentRequest, require_payment_id

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_VERSION = 1
_OPEN = ".open"
_TERMS = ("payment_id", "payee", "amount", "currency", "account")


class Journal:
    """The journal of one terminal. Raises PolicyError when another one uses it, KeyFileError, OSError."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:
            raise KeyFileError(f"{self._folder} is open to others; make it private: chmod 700 {self._folder}")
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise PolicyError(f"Another terminal uses the journal {self._folder}; stop it first.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, request: PaymentRequest) -> None:
        """Write a payment down; it is on the disk when this returns, and only then may anything leave. OSError."""
        path = self._path(request.payment_id)
        _append_synced(path, {"v": _VERSION, **_terms(request)}, os.O_EXCL)
        self._sync_folder()

    def resolve(self, request: PaymentRequest, end: dict[str, Any]) -> None:
        """Write down how a payment ended; from then on it is no longer open. Raises OSError."""
        _append_synced(self._folder / "history.jsonl", {**_terms(request), **end})
        self._path(request.payment_id).unlink(missing_ok=True)
        self._sync_folder()

    def unresolved(self) -> list[PaymentRequest]:
        """Every payment that has no end yet, the oldest first. Raises KeyFileError for a damaged file."""
        found = []
        for path in sorted(self._folder.glob(f"*{_OPEN}")):
            content = _read_private(path)
            if content.endswith(b"\n"):
                found.append(_request(content, path))
            else:  # cut by a crash before it was whole: nothing of this payment has left
                path.unlink()
        return found

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)

    def _path(self, payment_id: str) -> Path:
        require_payment_id(payment_id)
        return self._folder / f"{payment_id}{_OPEN}"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _append_synced(path: Path, fields: dict[str, Any], more_flags: int = 0) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags | more_flags, 0o600)
    try:
        rest = memoryview(json.dumps(fields, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _terms(request: PaymentRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in _TERMS}


def _read_private(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} is open to others; make it private: chmod 600 {path}")
    return path.read_bytes()


def _request(line: bytes, path: Path) -> PaymentRequest:
    try:
        fields = json.loads(line)
        if fields.pop("v") != _VERSION or fields["payment_id"] != path.stem:
            raise ValueError("of another version, or another payment")
        return PaymentRequest(Action.PAY, **fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError(f"{path} is damaged; ask the operator how its payment ended, then remove it.") from None
