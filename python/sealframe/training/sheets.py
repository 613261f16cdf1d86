"""Pictures of a run, as PNG: loss curves, sheets of samples and of dropped pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from sealframe import plots
from sealframe.models import ModelSet
from sealframe.training.dataset import read_gray
from sealframe.training.frames import from_blocks, to_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


_UNITS = {
    "error": "PSNR (dB)",
    "bits": "bits per pixel",
    "divergence": "nats per pixel",
    "people": "nats",
    "views": "nats",
    "generator": "loss",
    "discriminator": "nats",
}
"""Of the numbers that runs record."""


def draw_history(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw a panel for every recorded number over the steps, as PNG.

    Parameters
    ----------
    history : sequence of mapping
        Entries with `step` and means of losses since the entry before.
    path : Path
        The file.
    """
    names = sorted({name for entry in history for name in entry if name != "step"})
    with plots.chart(8, 0.8 + 1.9 * max(1, len(names)), "Losses of the run") as figure:
        panels = np.atleast_1d(figure.subplots(max(1, len(names)), sharex=True))
        for number, (panel, name) in enumerate(zip(panels, names, strict=False)):
            entries = [(entry["step"], entry[name]) for entry in history if name in entry]
            panel.plot(*zip(*entries, strict=True), color=plots.COLOURS[number % len(plots.COLOURS)], linewidth=1.2)
            panel.set_ylabel(_UNITS.get(name, "loss"))
            panel.set_title(f"{name}, at the end {entries[-1][1]:.3f}")
        if not names:
            plots.leave_empty(panels[0], "no step was recorded")
        panels[-1].set_xlabel("step")
        path.write_bytes(plots.png(figure))


def draw_samples(
    models: Path, pair: tuple[NDArray[np.uint8], NDArray[np.uint8]], path: Path, columns: int = 16
) -> None:
    """Draw tiles (n, 32, 32) in groups of three rows: clear, degraded, derived from the degraded."""
    degraded, clear = pair
    derived = from_blocks(ModelSet(models).run("generator", ["derived"], to_blocks(degraded))[0])
    rows = [
        np.concatenate(list(tiles[start : start + columns]), axis=1)
        for start in range(0, len(clear) - columns + 1, columns)
        for tiles in (clear, degraded, derived)
    ]
    sheet = np.concatenate(rows).repeat(2, 0).repeat(2, 1)
    Image.fromarray(sheet).save(path, optimize=True)


def draw_dropped(dropped: Mapping[str, str], path: Path, columns: int = 8, most: int = 64) -> None:
    """Draw what cleaning dropped, evenly spread where there is more than `most`: picture, reason and file name."""
    names = sorted(dropped, key=lambda name: (dropped[name], name))
    shown = [names[round(place)] for place in np.linspace(0, len(names) - 1, min(most, len(names)))]
    side, line = 112, 13
    rows = max(1, -(-len(shown) // columns))
    sheet = Image.new("L", (columns * side, rows * (side + 2 * line)), 255)
    draw = ImageDraw.Draw(sheet)
    for number, name in enumerate(shown):
        left, top = number % columns * side, number // columns * (side + 2 * line)
        sheet.paste(_thumbnail(Path(name), side - 4), (left + 2, top + 2))
        draw.text((left + 3, top + side), dropped[name], fill=0)
        draw.text((left + 3, top + side + line), Path(name).name[:17], fill=110)
    sheet.save(path, optimize=True)


def _thumbnail(path: Path, side: int) -> Image.Image:
    """The picture within side x side, or a crossed field when it cannot be read."""
    try:
        thumbnail = Image.fromarray(read_gray(path))
    except (OSError, ValueError):
        thumbnail = Image.new("L", (side, side), 230)
        ImageDraw.Draw(thumbnail).line((0, 0, side, side), fill=120)
    thumbnail.thumbnail((side, side))
    return thumbnail
