"""Who takes part in the demonstration: two customers, each with frames to enrol and frames to pay with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from sealframe.acquisition import PICTURE_ENDINGS
from sealframe.errors import ImageError
from sealframe.faces.matchers import MIN_ENROLLED_FRAMES
from sealframe.image import frame_from_bytes, read_picture_file, rgb_pixels
from sealframe.payment_protocol import Code
from sealframe.sandbox.drawn_faces import draw_face

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sealframe.faces.matchers import Embedding, Matcher
    from sealframe.server.verification.verifier import FaceVerifier

ACCOUNTS = ("alice", "bob")

_DRAWN = (2, 1)
_DRAWN_TO_PAY = 6
_MOST_PICTURES = 20


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


def customers_in(folder: Path, faces: FaceVerifier, say: Callable[[str], None]) -> dict[str, Customer]:
    """The first two people of a folder of folders who can be enrolled; `say` is told about each person.

    Raises ImageError when there are not two.
    """
    customers: dict[str, Customer] = {}
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    for person in people:
        customer = _customer_in(person, faces, say)
        if customer is not None:
            customers[ACCOUNTS[len(customers)]] = customer
        if len(customers) == len(ACCOUNTS):
            return customers
    raise ImageError(
        f"Of the {len(people)} people in {folder}, {len(customers)} can be enrolled, and two are needed. Give every "
        "person a folder of at least four alike pictures, each with one well-lit face from the front."
    )


def _customer_in(person: Path, faces: FaceVerifier, say: Callable[[str], None]) -> Customer | None:
    files = sorted(path for path in person.iterdir() if path.suffix.lower() in PICTURE_ENDINGS)[:_MOST_PICTURES]
    usable = [seen for path in files if (seen := _clear_face(path, faces)) is not None]
    told = f"{person.name}: {len(files)} pictures, {len(usable)} with one clear face"
    if len(usable) <= MIN_ENROLLED_FRAMES:
        say(f"{told}; cannot be enrolled: that takes {MIN_ENROLLED_FRAMES}, and one more to pay with")
        return None
    chosen = _most_alike([vector for _, vector in usable], faces.matcher)
    if not faces.agree([usable[n][1] for n in chosen]):
        say(f"{told}; cannot be enrolled: no {MIN_ENROLLED_FRAMES} look alike")
        return None
    say(f"{told}; enrolled with the {MIN_ENROLLED_FRAMES} most alike")
    others = [picture for n, (picture, _) in enumerate(usable) if n not in chosen]
    return Customer([usable[n][0] for n in chosen], others)


def _clear_face(path: Path, faces: FaceVerifier) -> tuple[bytes, Embedding] | None:
    """A picture file and the vector of its one face; None where it cannot be read or shows no such face."""
    try:
        picture = read_picture_file(path)
        vector = faces.encode(rgb_pixels(frame_from_bytes(picture)))
    except ImageError:
        return None
    return None if isinstance(vector, Code) else (picture, vector)


def _most_alike(vectors: Sequence[Embedding], matcher: Matcher) -> tuple[int, ...]:
    """The places of as many as an enrolment takes, of which the two least alike are more alike than in any others."""

    def least_alike(places: tuple[int, ...]) -> float:
        return min(matcher.score(vectors[one], vectors[other]) for one, other in combinations(places, 2))

    return max(combinations(range(len(vectors)), MIN_ENROLLED_FRAMES), key=least_alike)
