"""The pictures of `sealframe samples`, drawn: each as the bytes of a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from sealframe.cli.demo.picture import draw_demo_picture
from sealframe.sandbox import draw_face

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIPT = (
    "TEST SHOP",
    "",
    "2 coffee at 3.00     6.00",
    "1 cake at 6.50       6.50",
    "-------------------------",
    "Total               12.50",
    "",
    "Paid by face        12.50",
    "TEST: no money was moved",
)
RECEIPT_SIDE, MARGIN, LINE = 360, 28, 34
JPEG_QUALITY = 90


class SamplePicture(NamedTuple):
    """A file's name, what it shows, its size in pixels, and its content."""

    name: str
    meaning: str
    size: tuple[int, int]
    content: bytes


def draw_samples() -> Iterator[SamplePicture]:
    """Draw every sample, the same bytes each time.

    Yields
    ------
    SamplePicture
        `frame.png`, `photo.jpg`, `face.png` and `receipt.png`, in this order.
    """
    scene = Image.fromarray(draw_demo_picture())
    yield _sample("frame.png", "a drawn customer at a payment terminal, lossless", scene)
    yield _sample("photo.jpg", "the same scene, as a camera's JPEG", scene)
    yield _sample("face.png", "a drawn face", Image.fromarray(draw_face(2)))
    yield _sample("receipt.png", "a drawn receipt, black and white", _draw_receipt())


def _sample(name: str, meaning: str, picture: Image.Image) -> SamplePicture:
    content = io.BytesIO()
    if name.endswith(".jpg"):
        picture.save(content, "JPEG", quality=JPEG_QUALITY)
    else:
        picture.save(content, "PNG")
    return SamplePicture(name, meaning, picture.size, content.getvalue())


def _draw_receipt() -> Image.Image:
    """Draw letters of equal width, black on white, one bit a pixel."""
    font = ImageFont.load_default(20)
    advance = (RECEIPT_SIDE - 2 * MARGIN) / max(map(len, RECEIPT))
    receipt = Image.new("1", (RECEIPT_SIDE, RECEIPT_SIDE), 1)
    draw = ImageDraw.Draw(receipt)
    for row, line in enumerate(RECEIPT):
        for column, letter in enumerate(line):
            place = (MARGIN + advance * (column + 0.5), MARGIN + LINE * (row + 0.5))
            draw.text(place, letter, fill=0, font=font, anchor="ms")
    return receipt
