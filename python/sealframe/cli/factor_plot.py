"""A factor as a picture: image, derived image, similarity map and rows side by side."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage
    from PIL.ImageDraw import ImageDraw

    from sealframe.factor import FactorPath, ImageFactor

SCALE = 3
MARGIN = 28
CAPTION = 44
INK = (32, 36, 44)
FAINT = (150, 156, 168)
PAPER = (255, 255, 255)

MADE: dict[FactorPath, tuple[str, str]] = {
    "gan": ("derived image", "made by the generator"),
    "vae": ("conditional", "chance that a pixel is white"),
    "discriminator": ("derived image", "made by the generator"),
}
"""Title and note of the picture that the networks made, by path."""

_MAP_COLOURS = np.array([[103, 0, 31], [214, 96, 77], [253, 219, 199], [209, 229, 240], [33, 102, 172]], np.float64)
"""From red, the least alike neighbourhood of this picture, to blue, the most alike one."""


def plot_factor(factor: ImageFactor) -> bytes:
    """The four panels as PNG."""
    from PIL import Image, ImageDraw

    side = factor.profile.side * SCALE
    rows = factor.map.values.sum(axis=1, dtype=np.int64)
    low, high = int(factor.map.values.min()), int(factor.map.values.max())
    panels = [
        (
            "image",
            f"area mean, {factor.profile.side} x {factor.profile.side}",
            _gray_panel(factor.features.rows()),
        ),
        (*MADE[factor.profile.path], _gray_panel(factor.derived.pixels)),
        (*_map_caption(factor.profile.path, low, high), _map_panel(factor.map.values, side)),
        ("rows", f"row sums, {rows.min()} to {rows.max()}", _rows_panel(rows, side)),
    ]
    canvas = Image.new("RGB", (MARGIN + len(panels) * (side + MARGIN), side + CAPTION + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    for index, (title, note, panel) in enumerate(panels):
        left = MARGIN + index * (side + MARGIN)
        canvas.paste(panel, (left, MARGIN))
        draw.rectangle((left - 1, MARGIN - 1, left + side, MARGIN + side), outline=FAINT)
        _caption(draw, left, MARGIN + side + 10, title, note)
    png = io.BytesIO()
    canvas.save(png, "PNG", optimize=True)
    return png.getvalue()


def _map_caption(path: FactorPath, low: int, high: int) -> tuple[str, str]:
    if path == "vae":
        return "association", f"red {(low + 128) / 256:.3f} to blue {(high + 128) / 256:.3f}"
    return "similarity map", f"cosine, red {low / 127:.3f} to blue {high / 127:.3f}"


def _caption(draw: ImageDraw, left: int, top: int, title: str, note: str) -> None:
    from PIL import ImageFont

    draw.text((left, top), title, fill=INK, font=ImageFont.load_default(19))
    draw.text((left, top + 25), note, fill=FAINT, font=ImageFont.load_default(15))


def _gray_panel(pixels: NDArray[np.uint8]) -> PillowImage:
    from PIL import Image

    return Image.fromarray(pixels.repeat(SCALE, 0).repeat(SCALE, 1)).convert("RGB")


def _map_panel(values: NDArray[np.int8], side: int) -> PillowImage:
    """The map, 32 or 128 to a side, filling the panel."""
    from PIL import Image

    scale = side // len(values)
    spread = np.sort(values, axis=None).searchsorted(values) / values.size
    knots = np.linspace(0, max(spread.max(), 1e-9), len(_MAP_COLOURS))
    channels = [np.interp(spread, knots, _MAP_COLOURS[:, channel]) for channel in range(3)]
    return Image.fromarray(np.dstack(channels).round().astype(np.uint8).repeat(scale, 0).repeat(scale, 1))


def _rows_panel(rows: NDArray[np.int64], side: int) -> PillowImage:
    from PIL import Image, ImageDraw

    panel = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(panel)
    low, high = int(rows.min()), max(int(rows.max()), int(rows.min()) + 1)
    for index, value in enumerate(rows):
        top, bottom = index * side // len(rows), (index + 1) * side // len(rows) - 1
        length = 2 + (side - 3) * (int(value) - low) // (high - low)
        draw.rectangle((0, top, length, bottom), fill=(33, 102, 172))
    return panel
