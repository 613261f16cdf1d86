"""Who takes part in the demonstration: two customers, each with frames to enrol and frames to pay with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from sealframe.errors import ImageError
from sealframe.image import frame_from_bytes, read_picture_file, rgb_pixels
from sealframe.payment import Code
from sealframe.server.demo_faces import draw_face
from sealframe.server.verification import MIN_ENROLLED_FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sealframe.server.verification import FaceVerifier

ACCOUNTS = ("alice", "bob")

_DRAWN = (2, 1)
_DRAWN_TO_PAY = 6
_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
_MOST_PICTURES = 10


@dataclass(frozen=True, slots=True)
class Customer:
    """Frames of one person, as `Sealer.seal` takes them: three to enrol, at least one to pay with."""

    to_enrol: Sequence[object]
    to_pay: Sequence[object]


def drawn_customers() -> dict[str, Customer]:
    """Two drawn people by account."""
    enrolled, captures = range(MIN_ENROLLED_FRAMES), range(MIN_ENROLLED_FRAMES, MIN_ENROLLED_FRAMES + _DRAWN_TO_PAY)
    return {
        account: Customer([draw_face(person, n) for n in enrolled], [draw_face(person, n) for n in captures])
        for account, person in zip(ACCOUNTS, _DRAWN, strict=True)
    }


def customers_in(folder: Path, faces: FaceVerifier) -> dict[str, Customer]:
    """The first two people of a folder of folders who can be enrolled. Raises ImageError when there are not two."""
    customers: dict[str, Customer] = {}
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        customer = _customer_in(person, faces)
        if customer is not None:
            customers[ACCOUNTS[len(customers)]] = customer
        if len(customers) == len(ACCOUNTS):
            return customers
    raise ImageError(
        f"{folder} needs two folders, one for each person, with at least four pictures each: "
        "one face, well lit, seen from the front. Give such a folder."
    )


def _customer_in(person: Path, faces: FaceVerifier) -> Customer | None:
    files = sorted(path for path in person.iterdir() if path.suffix.lower() in _ENDINGS)[:_MOST_PICTURES]
    if len(files) <= MIN_ENROLLED_FRAMES:
        return None
    pictures = [read_picture_file(path) for path in files]
    seen = [(picture, faces.encode(rgb_pixels(frame_from_bytes(picture)))) for picture in pictures]
    usable = [(picture, vector) for picture, vector in seen if not isinstance(vector, Code)]
    chosen = next(
        (
            trio
            for trio in combinations(range(len(usable)), MIN_ENROLLED_FRAMES)
            if len(usable) > MIN_ENROLLED_FRAMES and faces.agree([usable[n][1] for n in trio])
        ),
        None,
    )
    enrolled = "cannot be enrolled" if chosen is None else f"enrolled with {MIN_ENROLLED_FRAMES} that agree"
    print(f"TEST       {person.name}: {len(files)} pictures, {len(usable)} with one clear face; {enrolled}")
    if chosen is None:
        return None
    others = [picture for n, (picture, _) in enumerate(usable) if n not in chosen]
    return Customer([usable[n][0] for n in chosen], others)
