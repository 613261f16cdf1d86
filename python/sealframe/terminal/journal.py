"""Payments that have no end yet, and what was sent of them, on the disk before anything leaves.

    <folder>/lock                  held by the one terminal that uses the folder
    <folder>/<payment id>.open     a payment under way: its terms, then every capture of it, one line of JSON each
    <folder>/sent                  the newest capture whose answer is missing: its envelope, and the answer's key
    <folder>/history.jsonl         how every payment ended

All are of mode 0600. A line is synced before what it speaks of leaves; one that a crash cut short speaks of nothing
that left. The line of a capture is synced while the capture is sealed, its envelope while the answer is awaited: a
process that is killed loses neither, a computer without power at most an envelope, and then the server is asked.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.envelope import AnswerKey
from sealframe.errors import KeyFileError, PolicyError
from sealframe.files import NO_FOLLOW, lock_file, sync_data, sync_folder
from sealframe.payment_protocol import Action, PaymentRequest, require_payment_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

_log = logging.getLogger("sealframe.terminal")

_VERSION = 1
_OPEN = ".open"
_TERMS = ("payment_id", "payee", "amount", "currency", "account")
_SENT = struct.Struct(">8s36s32s64sI")
"""What stands before a kept envelope: magic, payment id, SHA-256 of the envelope, answer key, length."""
_SENT_MAGIC = b"SFSENT\x00\x01"


@dataclass(frozen=True, slots=True, repr=False)
class SealedRequest:
    """One request as it leaves: the same bytes may be sent again and again while the answer's key is kept."""

    request: PaymentRequest
    envelope: bytes
    answer_key: AnswerKey

    @property
    def message_digest(self) -> bytes:
        """SHA-256 of the sealed bytes, by which the server knows them."""
        return hashlib.sha256(self.envelope).digest()


@dataclass(frozen=True, slots=True, repr=False)
class OpenPayment:
    """A payment of an earlier run that has no end. `sent`: its capture without an answer, written `age_s` ago."""

    request: PaymentRequest
    sent: SealedRequest | None
    age_s: float


class Journal:
    """The journal of one terminal. Raises PolicyError when another one uses it, KeyFileError, OSError."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:
            raise KeyFileError(
                f"{self._folder} can be read by other users; make the folder private: chmod 700 {self._folder}"
            )
        self._lock = _open_private(self._folder / "lock")
        try:
            lock_file(self._lock, wait=False)
        except OSError:
            os.close(self._lock)
            raise PolicyError(f"Another terminal uses the journal {self._folder}; stop that terminal first.") from None
        self._sent = _open_private(self._folder / "sent")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._noted: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, request: PaymentRequest) -> None:
        """Write a payment down; it is on the disk when this returns, and only then may anything leave. OSError."""
        _append_synced(self._path(request), {"v": _VERSION, **_terms(request)}, os.O_EXCL)
        sync_folder(self._folder)

    def note(self, request: PaymentRequest, counter: int) -> None:
        """Begin to write down that a capture with this counter is made; `keep` waits until that is on the disk."""
        fields = {"action": request.action, "counter": counter}
        self._noted = self._disk.submit(_append_synced, self._path(request), fields)

    def keep(self, sealed: SealedRequest) -> None:
        """Keep the noted capture until it is answered: when this returns, it may leave. Raises OSError."""
        noted, self._noted = self._noted, None
        if noted is not None:
            noted.result()
        payment_id, envelope = sealed.request.payment_id.encode(), sealed.envelope
        head = _SENT.pack(_SENT_MAGIC, payment_id, sealed.message_digest, sealed.answer_key.to_bytes(), len(envelope))
        if os.pwritev(self._sent, [head, envelope], 0) != len(head) + len(envelope):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync_sent(self) -> None:
        """Begin to bring what is kept to the disk; nobody waits for it. From any thread."""
        self._disk.submit(_sync_or_say, self._sent)

    def forget_sent(self) -> None:
        """The kept capture is answered: its key is overwritten."""
        with _saying_why_not():
            os.pwrite(self._sent, bytes(_SENT.size), 0)

    def never_send_again(self) -> None:
        """The kept capture is not answered and must not be sent any more, after a restart neither."""
        self.forget_sent()
        self.sync_sent()

    def resolve(self, request: PaymentRequest, end: dict[str, Any]) -> None:
        """Write down how a payment ended; from then on it is no longer open. Raises OSError."""
        self.forget_sent()
        _append_synced(self._folder / "history.jsonl", {**_terms(request), **end})
        self._path(request).unlink(missing_ok=True)
        sync_folder(self._folder)

    def unresolved(self) -> list[OpenPayment]:
        """Every payment that has no end yet, the oldest first. Raises KeyFileError for a damaged file."""
        found = []
        for path in sorted(self._folder.glob(f"*{_OPEN}")):
            terms, end, _ = _read_private(path).partition(b"\n")
            if end:
                request = _request(terms, path)
                found.append(OpenPayment(request, self._sent_of(request), time.time() - os.fstat(self._sent).st_mtime))
            else:  # cut by a crash before it was whole: nothing of this payment has left
                path.unlink()
        return found

    def close(self) -> None:
        """Let go of the folder, with everything on the disk."""
        self._disk.shutdown()
        os.close(self._sent)
        os.close(self._lock)

    def _sent_of(self, request: PaymentRequest) -> SealedRequest | None:
        """The kept capture of this payment, whole; None when there is none."""
        head = os.pread(self._sent, _SENT.size, 0)
        if len(head) != _SENT.size:
            return None
        magic, payment_id, message_digest, answer_key, length = _SENT.unpack(head)
        if magic != _SENT_MAGIC or payment_id != request.payment_id.encode():
            return None
        sealed = SealedRequest(request, os.pread(self._sent, length, _SENT.size), AnswerKey.from_bytes(answer_key))
        return sealed if sealed.message_digest == message_digest else None

    def _path(self, request: PaymentRequest) -> Path:
        require_payment_id(request.payment_id)
        return self._folder / f"{request.payment_id}{_OPEN}"


def _open_private(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
    if os.fstat(descriptor).st_mode & 0o077:
        os.close(descriptor)
        raise _open_to_others(path)
    return descriptor


def _append_synced(path: Path, fields: dict[str, Any], more_flags: int = 0) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_FOLLOW
    descriptor = os.open(path, flags | more_flags, 0o600)
    try:
        rest = memoryview(json.dumps(fields, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_or_say(descriptor: int) -> None:
    """For what is better on the disk and not needed there."""
    with _saying_why_not():
        sync_data(descriptor)


@contextmanager
def _saying_why_not() -> Iterator[None]:
    """A disk that fails is told of, and stops nothing."""
    try:
        yield
    except OSError as error:
        _log.error("the journal cannot be written: %s", error.strerror)


def _terms(request: PaymentRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in _TERMS}


def _read_private(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise _open_to_others(path)
    return path.read_bytes()


def _open_to_others(path: Path) -> KeyFileError:
    return KeyFileError(f"{path} can be read by other users; make the file private: chmod 600 {path}")


def _request(line: bytes, path: Path) -> PaymentRequest:
    try:
        fields = json.loads(line)
        if fields.pop("v") != _VERSION or fields["payment_id"] != path.stem:
            raise ValueError("of another version, or another payment")
        return PaymentRequest(Action.PAY, **fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError(
            f"{path} is damaged; ask the operator how its payment ended, then remove the file."
        ) from None
