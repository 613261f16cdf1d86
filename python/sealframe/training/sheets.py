"""Pictures of a run: loss curves and sample sheets, as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sealframe.models import ModelSet
from sealframe.training.frames import from_blocks, to_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def draw_history(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw one panel per recorded number over the steps."""
    names = sorted({name for entry in history for name in entry if name != "step"})
    figure = Figure(figsize=(8, 2.4 * max(1, len(names))), layout="constrained")
    panels = np.atleast_1d(figure.subplots(max(1, len(names)), sharex=True))
    for panel, name in zip(panels, names, strict=False):
        entries = [(entry["step"], entry[name]) for entry in history if name in entry]
        panel.plot(*zip(*entries, strict=True), linewidth=0.8)
        panel.set_ylabel(name)
        panel.grid(visible=True, alpha=0.3)
    panels[-1].set_xlabel("step")
    figure.savefig(path, dpi=100)


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
