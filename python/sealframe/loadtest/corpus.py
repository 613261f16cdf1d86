"""Envelopes sealed before they are sent, on the disk, so that sealing costs nothing while the server is measured."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe.errors import PolicyError
from sealframe.loadtest.site import CURRENCY, SHOP
from sealframe.payment_protocol import Action, PaymentAnswer, PaymentRequest, new_payment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import sealframe as sf
    from sealframe.loadtest.site import Frame, Site, Till

MOST_BYTES = 4 << 30
_SPARE_BYTES = 1 << 30
_SMALL_SIDE = 32
GARBAGE = ("noise", "forged signature", "altered picture")
_SIGNED = 45
"""A byte of the header that the device signs."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope on the disk. key: opens its answer; None for what no server can open."""

    path: Path
    payment_id: str = ""
    key: sf.AnswerKey | None = None

    def read(self, answer: bytes, server: sf.ServerPublic) -> PaymentAnswer | None:
        """What the server said, checked and opened; None for an unsigned reply."""
        return PaymentAnswer.decode(self.key.read(answer, server).body) if answer and self.key else None


class Corpus:
    """Sealed requests of a site's tills in one folder."""

    def __init__(self, site: Site, folder: Path, progress: Callable[[str], None]) -> None:
        self._site, self._folder, self._progress = site, folder, progress
        self._made = 0
        folder.mkdir()

    def payments(self, name: str, count: int, tills: Sequence[Till]) -> list[list[Sealed]]:
        """For each till, its share of `count` payments by face, in the order in which they must be sent."""
        return self._seal(name, count, tills, self._site.frames, lambda till: _request(Action.PAY, till.account))

    def wrong_passwords(self, name: str, count: int, tills: Sequence[Till]) -> list[list[Sealed]]:
        """The same for guesses at passwords, as small as they can be.

        Each is for another account, so that no lock spares the server the hashing.
        """
        small = [np.zeros((_SMALL_SIDE, _SMALL_SIDE), np.uint8)]
        return self._seal(
            name, count, tills, small, lambda _: _request(Action.PASSWORD, f"nobody-{secrets.token_hex(8)}", "guess")
        )

    def garbage(self, sealed: Sequence[Sealed]) -> list[Sealed]:
        """Of each envelope, in turn, one of GARBAGE: noise of its length, a header or picture changed after signing.

        The last two name a registered device, so everything is checked up to what gives them away.
        """
        made = []
        for number, each in enumerate(sealed):
            content = bytearray(each.path.read_bytes())
            if number % len(GARBAGE) == 0:
                content = bytearray(os.urandom(len(content)))
            elif number % len(GARBAGE) == 1:
                content[_SIGNED] ^= 1
            else:
                content[len(content) // 2] ^= 1
            path = each.path.with_suffix(".garbage")
            path.write_bytes(content)
            made.append(Sealed(path))
        return made

    def discard(self) -> None:
        """Give the disk back."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()

    def _seal(
        self,
        name: str,
        count: int,
        tills: Sequence[Till],
        frames: Sequence[Frame],
        request_of: Callable[[Till], PaymentRequest],
    ) -> list[list[Sealed]]:
        _require_room(self._folder, count * max(frame.nbytes for frame in frames))
        sealed: list[list[Sealed]] = [[] for _ in tills]
        for number in range(count):
            if number % 10 == 0:
                self._progress(f"{name}: sealed {number}/{count}")
            which = number % len(tills)
            request = request_of(tills[which])
            frame = frames[number % len(frames)]
            envelope, key = tills[which].sealer.seal_request(frame, request.encode())
            path = self._folder / f"{self._made}.seal"
            path.write_bytes(envelope)
            self._made += 1
            sealed[which].append(Sealed(path, request.payment_id, key))
        return sealed


def _request(action: Action, account: str, password: str | None = None) -> PaymentRequest:
    return PaymentRequest(action, new_payment_id(), SHOP, 1, CURRENCY, account, password)


def _require_room(folder: Path, needed: int) -> None:
    if needed > MOST_BYTES:
        raise PolicyError("The pictures of so many payments would take more than 4 GiB; give fewer --payments.")
    if shutil.disk_usage(folder).free < needed + _SPARE_BYTES:
        raise PolicyError(f"{folder} has no room for {needed >> 20} MiB of pictures; give fewer --payments.")
