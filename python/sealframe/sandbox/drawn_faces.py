"""Drawn customers, so that a demonstration and the tests need no one's face. Every number is another person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sealframe.faces.matchers import Thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 256
DRAWN_THRESHOLDS = Thresholds(payment=0.7, agreement=0.7)
"""Of the demo matcher for drawn faces, which are more alike than people's."""

_SKIN = ((88, 60, 44), (236, 196, 164))
_HAIR = ((22, 18, 18), (172, 124, 66))
_LIPS = ((96, 44, 44), (188, 92, 88))


def draw_face(person: int, capture: int = 0) -> NDArray[np.uint8]:
    """Draw a frame of an invented person, who moves and is lit a little differently in each capture.

    Parameters
    ----------
    person : int
        Who is drawn, from 0; every number is another person.
    capture : int
        Which frame of the person, from 0.

    Returns
    -------
    numpy.ndarray
        uint8 (256, 256, 3), RGB; the same numbers give the same frame.

    Examples
    --------
    >>> from sealframe.sandbox import draw_face
    >>> draw_face(2, capture=9).shape
    (256, 256, 3)
    """
    who, when = np.random.default_rng(1000 + person), np.random.default_rng((person, capture))
    shift = when.integers(-3, 4, 2)
    frame = Image.new("RGB", (SIDE, SIDE), _colour(who, 60, 230))
    _draw_head(ImageDraw.Draw(frame), who, int(shift[0]), int(shift[1]))
    pixels = np.asarray(frame.filter(ImageFilter.GaussianBlur(1.2)), np.float32)
    lit = pixels * when.uniform(0.94, 1.06) + when.normal(0, 3, pixels.shape)
    return lit.clip(0, 255).astype(np.uint8)


def _draw_head(draw: ImageDraw.ImageDraw, who: np.random.Generator, dx: int, dy: int) -> None:
    def pick(low: int, high: int) -> int:
        return int(who.integers(low, high))

    width, height = pick(48, 74), pick(70, 92)
    skin, hair, lips = _between(who, _SKIN), _between(who, _HAIR), _between(who, _LIPS)
    eye_gap, eye_row, eye_size = pick(20, 34), pick(-24, -4), pick(7, 14)
    mouth_row, mouth_width, fringe = pick(32, 50), pick(14, 34), pick(8, 44)
    glasses, beard = who.random() < 0.5, who.random() < 0.4

    def ellipse(x: float, y: float, rx: float, ry: float, **style: Any) -> None:
        box = (128 + dx + x - rx, 128 + dy + y - ry, 128 + dx + x + rx, 128 + dy + y + ry)
        draw.ellipse(box, **style)

    ellipse(0, 150, 110, 70, fill=_colour(who, 20, 200))
    ellipse(0, -14, width + 12, height + 8, fill=hair)
    ellipse(0, 6, width, height, fill=skin)
    ellipse(0, -height, width, fringe, fill=hair)
    if beard:
        ellipse(0, mouth_row + 8, mouth_width + 14, 30, fill=hair)
    for side in (-1, 1):
        ellipse(side * eye_gap, eye_row, eye_size, eye_size * 0.6, fill=(245, 245, 240))
        ellipse(side * eye_gap, eye_row, eye_size * 0.45, eye_size * 0.45, fill=(30, 25, 25))
        ellipse(side * eye_gap, eye_row - eye_size - 4, eye_size + 3, 2.5, fill=hair)
        if glasses:
            ellipse(side * eye_gap, eye_row, eye_size + 6, eye_size + 5, outline=(20, 20, 24), width=3)
    ellipse(0, (eye_row + mouth_row) / 2 + 6, 6, 9, fill=tuple(int(value * 0.8) for value in skin))
    ellipse(0, mouth_row, mouth_width, 6, fill=lips)


def _colour(who: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    red, green, blue = who.integers(low, high, 3)
    return int(red), int(green), int(blue)


def _between(who: np.random.Generator, ends: tuple[tuple[int, int, int], tuple[int, int, int]]) -> tuple[int, int, int]:
    dark, light = np.array(ends)
    red, green, blue = dark + who.random() * (light - dark)
    return int(red), int(green), int(blue)
