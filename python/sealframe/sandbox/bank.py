"""A bank in a folder: the real server without HTTP, with invented money; all of it TEST."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import select

import sealframe as sf
from sealframe.capture_context import DEFAULT_RULE
from sealframe.envelope import DEFAULT_POLICY
from sealframe.faces.detection import CentreOval, NoLiveness
from sealframe.faces.matchers import DemoMatcher
from sealframe.money import format_amount
from sealframe.payment_protocol import Action, EnrolmentRequest, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.drawn_faces import DRAWN_THRESHOLDS
from sealframe.server.payments import administration, operator_transfers
from sealframe.server.payments.invariants import broken_invariants
from sealframe.server.payments.passwords import PasswordVerifier
from sealframe.server.payments.service import PaymentService
from sealframe.server.storage.database import Database
from sealframe.server.storage.device_records import record_of
from sealframe.server.storage.tables import entries
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.verifier import FaceVerifier

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from sealframe.server.payments.limits import Limits

ACTOR = "operator:TEST"
CURRENCY = "EUR"

_T = TypeVar("_T")


def drawn_face_verifier(vault: Vault) -> FaceVerifier:
    """Make the verifier that knows drawn faces: the demo matcher, and a face wherever the guide oval is.

    Parameters
    ----------
    vault : Vault
        Encrypts the enrolled templates.

    Returns
    -------
    FaceVerifier

    Examples
    --------
    >>> from sealframe.sandbox import draw_face, drawn_face_verifier
    >>> from sealframe.server.verification.template_vault import Vault, VaultKey
    >>> drawn_face_verifier(Vault([VaultKey.generate()])).encode(draw_face(2)).shape
    (96,)
    """
    return FaceVerifier(
        vault=vault,
        matcher=DemoMatcher(),
        thresholds=DRAWN_THRESHOLDS,
        detector=CentreOval(),
        liveness=NoLiveness(),
    )


class Terminal:
    """A device that seals requests and reads the bank's answers, as a real terminal does.

    Parameters
    ----------
    device : DeviceKey
        Signs the captures.
    server : ServerPublic
        Whose answers are accepted.
    counter : MemoryCounter or CounterFile, optional
        Numbers the captures; by default in memory from 1 on.
    splice_rule : SpliceRule
        How capture contexts are written.
    clock : callable
        Returns Unix seconds.

    Attributes
    ----------
    device : DeviceKey
        Signs the captures.
    server : ServerPublic
        Whose answers are accepted.
    counter : MemoryCounter or CounterFile
        Numbers the captures; a test may replace it.

    Examples
    --------
    >>> from sealframe.sandbox import Bank, draw_face
    >>> with Bank(".") as bank:
    ...     bank.open_account("shop")
    ...     bank.open_account("alice", funds=10_000)
    ...     terminal = bank.new_terminal("POS-0001")
    ...     template = bank.enrol("alice", [draw_face(2, capture) for capture in range(3)], terminal)
    ...     stranger = terminal.pay(bank, draw_face(7), payee="shop", account="alice", amount=250)
    >>> stranger.code.value
    'face_mismatch'
    """

    def __init__(
        self,
        device: sf.DeviceKey,
        server: sf.ServerPublic,
        *,
        counter: sf.MemoryCounter | sf.CounterFile | None = None,
        splice_rule: sf.SpliceRule = DEFAULT_RULE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.device, self.server = device, server
        self.counter = counter or sf.MemoryCounter(1)
        self._splice_rule, self._clock = splice_rule, clock

    def seal(self, request: PaymentRequest | EnrolmentRequest | bytes, picture: object) -> tuple[bytes, sf.AnswerKey]:
        """Seal a request with a picture.

        Parameters
        ----------
        request : PaymentRequest, EnrolmentRequest or bytes
            What is asked; bytes are sealed as they are.
        picture : numpy.ndarray or bytes
            A frame or an encoded picture, as `Sealer.seal` takes it.

        Returns
        -------
        tuple of (bytes, AnswerKey)
            The envelope, and the key of its answer.

        Raises
        ------
        ImageError, TypeError
            When `picture` cannot be used.
        """
        # the counter may have been replaced, as after a restore from a backup
        sealer = sf.Sealer(
            to=self.server,
            device=self.device,
            counter=self.counter,
            splice_rule=self._splice_rule,
            workers=0,
            clock=self._clock,
        )
        return sealer.seal_request(picture, request if isinstance(request, bytes) else request.encode())

    def read(self, answer: bytes, key: sf.AnswerKey) -> PaymentAnswer:
        """Read an answer.

        Parameters
        ----------
        answer : bytes
            As `Bank.answer` returns it.
        key : AnswerKey
            The key that `seal` returned with the request.

        Returns
        -------
        PaymentAnswer

        Raises
        ------
        EnvelopeError, UnknownKey, PolicyError
            When this server did not give the answer to this request.
        """
        return PaymentAnswer.decode(key.read(answer, self.server).body)

    def pay(self, bank: Bank, picture: object, *, payee: str, account: str, amount: int) -> PaymentAnswer:
        """Ask a bank to charge an account by face.

        Parameters
        ----------
        bank : Bank
            Where this terminal is registered.
        picture : numpy.ndarray or bytes
            A picture of the payer, as `Sealer.seal` takes it.
        payee, account : str
            Who is paid, and who pays.
        amount : int
            In the smallest unit of the currency, at least 1.

        Returns
        -------
        PaymentAnswer
            `code` says how it ended.

        Raises
        ------
        ImageError, TypeError
            When `picture` cannot be used.
        """
        request = PaymentRequest(Action.PAY, new_payment_id(), payee, amount, CURRENCY, account)
        envelope, key = self.seal(request, picture)
        return self.read(bank.answer(envelope), key)


class Bank:
    """The server of a bank in a folder: accounts, faces, terminals and a ledger that can be checked.

    Use it in a `with` block, or call `close`.

    Parameters
    ----------
    folder : str or os.PathLike
        An existing folder for keys and database.
    url : str, optional
        A PostgreSQL database; by default SQLite in the folder.
    key : ServerKey, optional
        The server's key; a new one by default.
    vault_key : VaultKey, optional
        Encrypts templates; a new one by default.
    faces : FaceVerifier, optional
        Compares faces; by default one that knows drawn faces.
    passwords : PasswordVerifier, optional
        Checks passwords; by default as a real server does.
    policy : Policy
        What the server accepts.
    limits : Limits, optional
        How often a payment may be tried.
    splice_rules : sequence of SpliceRule
        Rules of terminals' own that the server knows.
    clock : callable
        Returns Unix seconds; tests may move it.

    Examples
    --------
    >>> from sealframe.sandbox import Bank, draw_face
    >>> with Bank(".") as bank:
    ...     bank.open_account("shop")
    ...     bank.open_account("alice", funds=10_000)
    ...     terminal = bank.new_terminal("POS-0001")
    ...     template = bank.enrol("alice", [draw_face(2, capture) for capture in range(3)], terminal)
    ...     answer = terminal.pay(bank, draw_face(2, 9), payee="shop", account="alice", amount=250)
    ...     answer.code.value, bank.balance("shop"), bank.broken_invariants()
    ('paid', 250, [])
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        url: str | None = None,
        *,
        key: sf.ServerKey | None = None,
        vault_key: VaultKey | None = None,
        faces: FaceVerifier | None = None,
        passwords: PasswordVerifier | None = None,
        policy: sf.Policy = DEFAULT_POLICY,
        limits: Limits | None = None,
        splice_rules: Sequence[sf.SpliceRule] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = Path(folder)
        self.url = url or f"sqlite:///{self.folder / 'ledger.db'}"
        self.key = key or sf.ServerKey.generate()
        self.vault_key = vault_key or VaultKey.generate()
        self.vault = Vault([self.vault_key])
        self.faces = faces or drawn_face_verifier(self.vault)
        self.clock = clock
        self._passwords = passwords or PasswordVerifier(clock=clock)
        self._policy, self._limits, self._splice_rules = policy, limits, splice_rules
        self.service = self.start()

    @classmethod
    def reopen(cls, folder: str | os.PathLike[str], url: str | None = None, **options: Any) -> Self:
        """Open a bank whose keys `save_keys` wrote, perhaps in another process.

        Parameters
        ----------
        folder : str or os.PathLike
            Where the keys are.
        url : str, optional
            Its database, where that is not in the folder.
        **options : object
            As for `Bank`.

        Returns
        -------
        Bank

        Raises
        ------
        KeyFileError
            When the keys cannot be read.
        """
        place = Path(folder)
        key, vault_key = sf.ServerKey.load(place / "server.key"), VaultKey.load(place / "vault.key")
        return cls(folder, url, key=key, vault_key=vault_key, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> PaymentService:
        """Start another service on this bank's database, as another process would; the caller closes it.

        Returns
        -------
        PaymentService
        """
        database = Database(self.url)
        database.migrate()
        return PaymentService(
            [self.key],
            database,
            self.faces,
            self._passwords,
            policy=self._policy,
            limits=self._limits,
            splice_rules=self._splice_rules,
            clock=lambda: self.clock(),
        )

    def save_keys(self) -> None:
        """Write server.key, server.pub and vault.key into the folder, as `sealframe server run --home` reads them.

        Raises
        ------
        KeyFileError
            When one of the files exists or cannot be written.
        """
        self.key.save(self.folder / "server.key")
        self.key.public.save(self.folder / "server.pub")
        self.vault_key.save(self.folder / "vault.key")

    def operate(self, call: Callable[..., _T], **fields: Any) -> _T:
        """Make an operator's call in a transaction of its own.

        Parameters
        ----------
        call : callable
            Of `sealframe.server.payments.administration` or `operator_transfers`.
        **fields : object
            Its parameters after connection, actor and time.

        Returns
        -------
        object
            What the call returns.
        """
        return self.service.writer.submit(
            lambda connection: call(connection, ACTOR, self.service.now(), **fields)
        ).result()

    def open_account(self, account: str, *, funds: int = 0, password: str | None = None) -> None:
        """Open an account in euros.

        Parameters
        ----------
        account : str
            Its name.
        funds : int
            Cents to deposit, 0 or more.
        password : str, optional
            With which it may pay.

        Raises
        ------
        PolicyError
            When the account exists already, or its name or the password is not allowed.
        """
        self.operate(administration.create_account, account=account, name=account.title(), currency=CURRENCY)
        if funds:
            self.operate(operator_transfers.deposit, payment_id=new_payment_id(), account=account, amount=funds)
        if password is not None:
            hashed = self.service.passwords.hash(password)
            self.operate(administration.set_password, account=account, password_hash=hashed)

    def register(self, device: sf.DevicePublic) -> None:
        """Accept the captures of a device.

        Parameters
        ----------
        device : DevicePublic
            The device's public record.
        """
        self.operate(administration.register_device, device=device, record=record_of(device))

    def new_terminal(self, serial: str) -> Terminal:
        """Make a terminal and register it.

        Parameters
        ----------
        serial : str
            The device's name or serial number, 1 to 96 bytes of UTF-8.

        Returns
        -------
        Terminal
        """
        terminal = Terminal(sf.DeviceKey.generate(serial), self.key.public, clock=lambda: self.clock())
        self.register(terminal.device.public)
        return terminal

    def enrol(self, account: str, pictures: Sequence[object], terminal: Terminal) -> str:
        """Enrol the face of an account's owner.

        Parameters
        ----------
        account : str
            Whose face it is.
        pictures : sequence of numpy.ndarray or bytes
            At least three of one person.
        terminal : Terminal
            Which captures them.

        Returns
        -------
        str
            The template's id.

        Raises
        ------
        PolicyError
            When the pictures cannot be enrolled.
        """
        envelopes = [terminal.seal(EnrolmentRequest(account), picture)[0] for picture in pictures]
        return self.service.enrol(account, envelopes, ACTOR)

    def answer(self, envelope: bytes) -> bytes:
        """Give an envelope to the server.

        Parameters
        ----------
        envelope : bytes
            As `Terminal.seal` returns it.

        Returns
        -------
        bytes
            The server's signed answer, as `Terminal.read` takes it.
        """
        return self.service.answer(envelope).answer

    def balance(self, account: str) -> int:
        """Return an account's balance.

        Parameters
        ----------
        account : str
            Its name.

        Returns
        -------
        int
            In the smallest unit of its currency.
        """
        with self.service.database.reading() as connection:
            return int(administration.account_facts(connection, account)["balance"])

    def ledger(self) -> Iterator[str]:
        """Return the entries of the ledger, oldest first.

        Returns
        -------
        iterator of str
            A line for each: end of the reference, account, amount.
        """
        with self.service.database.reading() as connection:
            for row in connection.execute(select(entries).order_by(entries.c.entry)):
                reference = (row.refund_id or row.payment_id)[-12:].upper()
                sign = "-" if row.amount < 0 else ""
                yield f"{reference}  {row.account:12} {sign + format_amount(abs(row.amount), CURRENCY):>10}"

    def broken_invariants(self) -> list[str]:
        """Return the rules of the ledger that do not hold.

        Returns
        -------
        list of str
            Empty in a sound ledger.
        """
        with self.service.database.reading() as connection:
            return broken_invariants(connection)

    def close(self) -> None:
        """Settle the payments that wait, and release the database."""
        self.service.close()
