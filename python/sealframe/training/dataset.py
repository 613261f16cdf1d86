"""Collect and clean the pictures of a training run.

Every folder below a root that directly holds pictures is one source (a person, a photograph, a document); the split
between training and judging goes by source, so that no picture of a judged source is ever learnt from.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from sealframe.acquisition import PICTURE_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = frozenset(PICTURE_ENDINGS | {".pgm", ".ppm"})
SMALLEST_SIDE = 48
SMALLEST_DEVIATION = 2.0
LARGEST_SIDE = 640
"""Larger pictures are read at about this size: a frame of 128x128 needs no more."""


@dataclass(frozen=True)
class Picture:
    """One gray picture that survived cleaning: (h, w) uint8, with the source that it belongs to."""

    path: Path
    source: str
    gray: NDArray[np.uint8]


@dataclass
class Scan:
    """Pictures that were kept, and for each dropped one the reason."""

    pictures: list[Picture] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """Names of all sources, sorted."""
        return sorted({picture.source for picture in self.pictures})


def read_gray(path: Path, largest_side: int = LARGEST_SIDE) -> NDArray[np.uint8]:
    """Read a picture as gray, shrunk by whole factors.

    Parameters
    ----------
    path : Path
        Any format that Pillow decodes.
    largest_side : int
        About how many pixels the longer side may have.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w).

    Raises
    ------
    OSError, ValueError
        When the file cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as opened:
                opened.draft("L", (largest_side, largest_side))
                gray = opened.convert("L")
        except (Image.DecompressionBombWarning, SyntaxError, UnidentifiedImageError) as failure:
            raise ValueError(str(failure)) from failure
    factor = max(1, max(gray.size) // largest_side)
    return np.asarray(gray.reduce(factor) if factor > 1 else gray, np.uint8)


def _fault(gray: NDArray[np.uint8]) -> str | None:
    """Say why a picture is no use for training, or None."""
    if min(gray.shape) < SMALLEST_SIDE:
        return f"smaller than {SMALLEST_SIDE} pixels"
    if float(gray.std()) < SMALLEST_DEVIATION:
        return "near-constant"
    return None


def scan(roots: Iterable[Path], check: Callable[[NDArray[np.uint8]], str | None] | None = None) -> Scan:
    """Read every picture below some folders, in a fixed order; drop unreadable, tiny, near-constant and duplicate ones.

    Parameters
    ----------
    roots : iterable of Path
        Folders of folders.
    check : callable, optional
        Names further faults of a picture uint8 (h, w), or None, as `FaceCheck` does.

    Returns
    -------
    Scan

    Raises
    ------
    ValueError
        For a root that is no folder.
    """
    found = Scan()
    seen: set[bytes] = set()
    for root in roots:
        if not root.is_dir():
            raise ValueError(f"{root} is not a folder; give a folder of pictures.")
        for path in sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES):
            try:
                gray = read_gray(path)
            except (OSError, ValueError):
                found.dropped[str(path)] = "unreadable"
                continue
            digest = hashlib.sha256(gray.tobytes()).digest()
            fault = "duplicate" if digest in seen else _fault(gray) or (check(gray) if check else None)
            if fault is None:
                seen.add(digest)
                found.pictures.append(Picture(path, f"{root.name}/{path.parent.relative_to(root)}", gray))
            else:
                found.dropped[str(path)] = fault
    return found


def divide(pictures: Sequence[Picture], named: Sequence[str] = ()) -> tuple[list[Picture], list[Picture]]:
    """Divide pictures into those to learn from and those kept for judging.

    Parameters
    ----------
    pictures : sequence of Picture
        All of them.
    named : sequence of str
        Sources kept for judging besides those that `held_out` keeps.

    Returns
    -------
    learnt, judged : list of Picture
    """
    learnt: list[Picture] = []
    judged: list[Picture] = []
    for picture in pictures:
        (judged if picture.source in named or held_out(picture.source) else learnt).append(picture)
    return learnt, judged


def held_out(source: str, share: float = 0.1) -> bool:
    """Say whether a source is kept for judging: a function of its name alone, whatever else is in the folder.

    Parameters
    ----------
    source : str
        Its name.
    share : float
        About how many of all sources are kept, 0..1.

    Returns
    -------
    bool
    """
    digest = hashlib.sha256(b"held-out/" + source.encode()).digest()
    return int.from_bytes(digest[:4], "big") < share * 2**32
