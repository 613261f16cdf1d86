"""A bank for a load test: payers who are all enrolled, a terminal for each, a shop, in a database of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from sqlalchemy import func, select

import sealframe as sf
from sealframe.errors import PolicyError
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES
from sealframe.payment_protocol import Code, new_payment_id
from sealframe.sandbox.bank import Bank
from sealframe.sandbox.drawn_faces import DRAWN_THRESHOLDS, draw_face
from sealframe.server.payments import administration, operator_transfers
from sealframe.server.payments.invariants import broken_invariants
from sealframe.server.storage.database import Database
from sealframe.server.storage.device_records import record_of
from sealframe.server.storage.tables import accounts, metadata, payments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from sealframe.faces.matchers import Embedding
    from sealframe.server.verification.verifier import FaceVerifier

    Frame = NDArray[np.uint8]

SHOP, CURRENCY, FUNDS = "shop", "EUR", 10**12
FRAME_SIDE = 480
"""Terminals seal the middle square of a camera's 640x480."""
_ACTOR = "operator:loadtest"
_PERSON = 2
_FRAMES_TO_PAY_WITH = 8


@dataclass(frozen=True, slots=True)
class Till:
    """A terminal, and the account that pays at it. template_id: its owner's enrolled face."""

    account: str
    template_id: str
    device: sf.DeviceKey
    sealer: sf.Sealer


@dataclass(frozen=True, slots=True)
class Site:
    """home: keys, as `sealframe server run` takes them. frames: of the one person, whom the matcher knows."""

    home: Path
    url: str
    server: sf.ServerPublic
    tills: Sequence[Till]
    frames: Sequence[Frame]

    def rows(self) -> int:
        """How many rows all tables have together."""
        database = Database(self.url)
        with database.reading() as connection:
            counts = [connection.execute(select(func.count()).select_from(table)) for table in metadata.tables.values()]
            total = sum(int(count.scalar_one()) for count in counts)
        database.close()
        return total

    def posted(self) -> set[str]:
        """The payments for which money moved."""
        database = Database(self.url)
        with database.reading() as connection:
            found = connection.execute(select(payments.c.payment_id).where(payments.c.state == "posted")).scalars()
            posted = set(found)
        database.close()
        return posted

    def broken(self) -> list[str]:
        """The ledger's invariants that do not hold."""
        database = Database(self.url)
        with database.reading() as connection:
            broken = broken_invariants(connection)
        database.close()
        return broken


def open_site(home: Path, url: str | None, tills: int) -> Site:
    """Make everything new. Raises PolicyError when the database is not empty."""
    bank = Bank(home, url)
    bank.save_keys()
    faces = bank.faces
    frames = draw_frames(MIN_ENROLLED_FRAMES + 2 * _FRAMES_TO_PAY_WITH)
    vectors = [vector for vector in map(faces.encode, frames) if not isinstance(vector, Code)]
    enrolled = vectors[:MIN_ENROLLED_FRAMES]
    mean = faces.matcher.mean(enrolled)
    known = [
        frame
        for frame, vector in zip(frames, vectors, strict=True)
        if faces.matcher.accepts(vector, mean, DRAWN_THRESHOLDS.payment)
    ]
    with bank, bank.service.database.transaction() as connection:
        if connection.execute(select(accounts.c.account)).first():
            raise PolicyError("--database holds accounts already; give an empty database for a load test.")
        now = int(time.time() * 1000)
        administration.create_account(connection, _ACTOR, now, account=SHOP, name="Shop", currency=CURRENCY)
        made = [_open_till(connection, now, bank.key.public, number, faces, enrolled) for number in range(tills)]
    return Site(home, bank.url, bank.key.public, made, known[:_FRAMES_TO_PAY_WITH])


def draw_frames(count: int) -> list[Frame]:
    """Frames of one drawn person, uint8 (480, 480, 3)."""
    drawn = [Image.fromarray(draw_face(_PERSON, capture)) for capture in range(count)]
    return [np.asarray(each.resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.BICUBIC)) for each in drawn]


def _open_till(
    connection: Connection,
    now: int,
    server: sf.ServerPublic,
    number: int,
    faces: FaceVerifier,
    enrolled: Sequence[Embedding],
) -> Till:
    device, account = sf.DeviceKey.generate(f"LOAD-{number:04}"), f"payer{number:04}"
    administration.register_device(connection, _ACTOR, now, device.public, record_of(device.public))
    administration.create_account(connection, _ACTOR, now, account=account, name="Payer", currency=CURRENCY)
    operator_transfers.deposit(connection, _ACTOR, now, payment_id=new_payment_id(), account=account, amount=FUNDS)
    sealed, matcher = faces.seal_template(account, enrolled), faces.matcher
    template_id = administration.enrol(connection, _ACTOR, now, account, sealed, matcher.name, matcher.model_sha256)
    sealer = sf.Sealer(to=server, device=device, counter=sf.MemoryCounter(1), workers=0)
    return Till(account, template_id, device, sealer)
