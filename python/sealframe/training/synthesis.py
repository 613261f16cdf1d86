"""Draw pictures that no camera took: payment codes, captchas and document pages, gray uint8, from a seed."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sealframe.training.frames import area_resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_LETTERS = string.ascii_letters + string.digits
_WORDS = (
    *("account", "amount", "bank", "card", "cash", "change", "code", "copy", "counter", "date", "device", "due", "fee"),
    *("frame", "hour", "image", "invoice", "key", "line", "merchant", "minute", "name", "note", "number", "order"),
    *("paid", "payee", "payment", "picture", "place", "price", "receipt", "refund", "seal", "server", "service"),
    *("sum", "tax", "terminal", "ticket", "time", "total", "transfer", "value"),
)


def _text(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list(_LETTERS), length))


def _sentence(rng: np.random.Generator) -> str:
    words = [str(word) for word in rng.choice(_WORDS, int(rng.integers(4, 12)))]
    if rng.random() < 0.4:
        words.append(f"{rng.uniform(1, 9999):.2f}")
    return " ".join(words).capitalize()


def _ink_and_paper(rng: np.random.Generator) -> tuple[int, int]:
    """Choose two gray levels far enough apart to read."""
    ink, paper = int(rng.integers(0, 90)), int(rng.integers(165, 256))
    return (paper, ink) if rng.random() < 0.12 else (ink, paper)


def payment_code(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a QR code of a made-up payment address, as printed or shown on a screen, slightly turned."""
    address = f"pay:{_text(rng, int(rng.integers(8, 60)))}?amount={rng.integers(1, 99999)}"
    code = segno.make_qr(address, error=str(rng.choice(list("LMQH"))))
    modules = np.array([list(row) for row in code.matrix_iter(border=int(rng.integers(1, 5)))], np.uint8)
    ink, paper = _ink_and_paper(rng)
    drawn = np.where(modules > 0, ink, paper).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    turned = Image.fromarray(drawn).rotate(
        float(rng.normal(0, 4)), Image.Resampling.BICUBIC, expand=True, fillcolor=paper
    )
    side = int(rng.integers(140, 420))
    return area_resize(np.asarray(turned), side, side)


def captcha(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a few turned letters behind lines and dots."""
    ink, paper = _ink_and_paper(rng)
    length = int(rng.integers(4, 7))
    sheet = Image.new("L", (40 * length + 20, 72), paper)
    for position, letter in enumerate(_text(rng, length)):
        glyph = Image.new("L", (56, 56), 0)
        font = ImageFont.load_default(size=int(rng.integers(28, 44)))
        ImageDraw.Draw(glyph).text((28, 28), letter, fill=255, font=font, anchor="mm")
        mask = glyph.rotate(float(rng.uniform(-35, 35)), Image.Resampling.BICUBIC)
        shade = int(np.clip(ink + rng.integers(-40, 41), 0, 255))
        sheet.paste(shade, (4 + 40 * position, int(rng.integers(2, 15))), mask)
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(1, 6))):
        ends = [int(value) for value in rng.integers(0, 72, 4) * (sheet.width // 72, 1, sheet.width // 72, 1)]
        draw.line(ends, fill=int(rng.integers(0, 256)), width=int(rng.integers(1, 4)))
    dots = np.asarray(sheet).copy()
    speckle = rng.random(dots.shape) < rng.uniform(0, 0.04)
    dots[speckle] = rng.integers(0, 256, int(speckle.sum()))
    return dots


def document(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a page or receipt: headings, paragraphs, figures and rules on paper of uneven light."""
    ink, paper = _ink_and_paper(rng)
    width, height = int(rng.integers(200, 480)), int(rng.integers(200, 480))
    sheet = Image.new("L", (width, height), paper)
    draw = ImageDraw.Draw(sheet)
    y = float(rng.integers(2, 30))
    while y < height:
        size = int(rng.choice([9, 11, 12, 14, 17, 22, 34], p=[0.1, 0.2, 0.25, 0.2, 0.12, 0.08, 0.05]))
        if rng.random() < 0.06:
            draw.line([8, y, width - 8, y], fill=ink, width=int(rng.integers(1, 4)))
        else:
            indent = float(rng.choice([6, 6, 6, 24, 60]))
            draw.text((indent, y), _sentence(rng), fill=ink, font=ImageFont.load_default(size=size))
        y += size * float(rng.choice([1.25, 1.4, 2.2], p=[0.6, 0.3, 0.1]))
    if rng.random() < 0.3:
        sheet = sheet.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.8))))
    tilt = float(rng.normal(0, 2)) if rng.random() < 0.5 else 0.0
    page = sheet.rotate(tilt, Image.Resampling.BICUBIC, fillcolor=paper)
    light = np.linspace(1, float(rng.uniform(0.75, 1)), width)
    return (np.asarray(page) * light).astype(np.uint8)


KINDS: dict[str, Callable[[np.random.Generator], NDArray[np.uint8]]] = {
    "payment_code": payment_code,
    "captcha": captcha,
    "document": document,
}
"""Every kind of drawn picture, by name."""
