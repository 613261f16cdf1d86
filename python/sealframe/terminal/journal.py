"""What was sent and not yet resolved, on the disk before it leaves.

    <folder>/lock                  held by the one terminal that uses the folder
    <folder>/<payment id>.open     every envelope of a payment under way, with the key of its answer; mode 0600
    <folder>/history.jsonl         how every payment ended; no secrets, no pictures

A record is one line of JSON, the envelope, and a line's end. Records are appended and synced; a record that a crash
cut short was never sent. When a payment is resolved its end goes into the history, then its file is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.envelope import AnswerKey
from sealframe.errors import KeyFileError, PolicyError
from sealframe.payment import Action, PaymentRequest, require_payment_id

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_VERSION = 1
_OPEN = ".open"


@dataclass(frozen=True, slots=True, repr=False)
class SentEnvelope:
    """One request as it leaves: the same bytes may be sent again and again."""

    request: PaymentRequest
    counter: int
    envelope: bytes
    answer_key: AnswerKey

    @property
    def envelope_id(self) -> str:
        """SHA-256 of the bytes, hexadecimal: what the server's answer must name."""
        return hashlib.sha256(self.envelope).hexdigest()


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
        self._file: int | None = None
        self._payment_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, sent: SentEnvelope) -> None:
        """Append an envelope; it is on the disk when this returns, and only then may it be sent. Raises OSError."""
        descriptor = self._open_file(sent.request.payment_id)
        line = json.dumps(_fields(sent), separators=(",", ":")).encode() + b"\n"
        rest = memoryview(line + sent.envelope + b"\n")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fdatasync(descriptor)

    def resolve(self, request: PaymentRequest, end: dict[str, Any]) -> None:
        """Write down how a payment ended, and forget its envelopes and answer keys. Raises OSError."""
        terms = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency", "account")}
        line = json.dumps({**terms, **end}, separators=(",", ":")).encode() + b"\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._folder / "history.jsonl", flags, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._close_file()
        self._path(request.payment_id).unlink(missing_ok=True)
        self._sync_folder()

    def unresolved(self) -> list[SentEnvelope]:
        """The last envelope of every payment that has no end yet, oldest payment first. Raises KeyFileError."""
        found = []
        for path in sorted(self._folder.glob(f"*{_OPEN}")):
            last = _last_record(path)
            if last is None:  # cut before its first envelope was whole: nothing was sent
                path.unlink()
            else:
                found.append(last)
        return found

    def close(self) -> None:
        """Let go of the folder."""
        self._close_file()
        os.close(self._lock)

    def _open_file(self, payment_id: str) -> int:
        if self._file is None or self._payment_id != payment_id:
            self._close_file()
            path = self._path(payment_id)
            is_new = not path.exists()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file, self._payment_id = os.open(path, flags, 0o600), payment_id
            if is_new:
                self._sync_folder()
            else:
                os.ftruncate(self._file, _whole_length(path))
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _path(self, payment_id: str) -> Path:
        require_payment_id(payment_id)
        return self._folder / f"{payment_id}{_OPEN}"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _fields(sent: SentEnvelope) -> dict[str, Any]:
    """Everything but the envelope; a password stays in the envelope alone."""
    return {
        "v": _VERSION,
        **asdict(replace(sent.request, action=Action.PAY, password=None)),
        "action": sent.request.action,
        "counter": sent.counter,
        "answer_key": sent.answer_key.to_bytes().hex(),
        "envelope_id": sent.envelope_id,
        "bytes": len(sent.envelope),
    }


def _records(content: bytes) -> list[tuple[SentEnvelope, int]]:
    """Whole records, and where each ends."""
    found: list[tuple[SentEnvelope, int]] = []
    start = 0
    while (line_end := content.find(b"\n", start)) >= 0:
        fields = json.loads(content[start:line_end])
        end = line_end + 1 + fields["bytes"]
        if content[end : end + 1] != b"\n":
            break
        found.append((_sent_envelope(fields, content[line_end + 1 : end]), end + 1))
        start = end + 1
    return found


def _sent_envelope(fields: dict[str, Any], envelope: bytes) -> SentEnvelope:
    terms = {name: fields[name] for name in ("payment_id", "payee", "amount", "currency", "account")}
    action = Action(fields["action"])
    # The password is not written down; sending the same bytes again does not need it.
    request = PaymentRequest(action if action is not Action.PASSWORD else Action.PAY, **terms)
    sent = SentEnvelope(request, fields["counter"], envelope, AnswerKey.from_bytes(bytes.fromhex(fields["answer_key"])))
    if fields["v"] != _VERSION or sent.envelope_id != fields["envelope_id"]:
        raise ValueError("damaged")
    return sent


def _read_records(path: Path) -> list[tuple[SentEnvelope, int]]:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} is open to others; make it private: chmod 600 {path}")
    try:
        return _records(path.read_bytes())
    except (ValueError, KeyError, TypeError):
        raise KeyFileError(f"{path} is damaged; ask the operator how its payment ended, then remove it.") from None


def _last_record(path: Path) -> SentEnvelope | None:
    records = _read_records(path)
    return records[-1][0] if records else None


def _whole_length(path: Path) -> int:
    records = _read_records(path)
    return records[-1][1] if records else 0
