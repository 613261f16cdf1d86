"""A factor as a chart: image, derived image, similarity map and rows side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sealframe import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sealframe.factor import FactorPath, ImageFactor

MADE: dict[FactorPath, tuple[str, str]] = {
    "gan": ("derived image", "made by the generator"),
    "vae": ("conditional", "chance that a pixel is white"),
    "discriminator": ("derived image", "made by the generator"),
}
"""Title and note of the picture that the networks made, by path."""


def plot_factor(factor: ImageFactor) -> bytes:
    """Draw the parts of a factor.

    Parameters
    ----------
    factor : ImageFactor
        Any profile.

    Returns
    -------
    bytes
        A PNG with four panels.

    Raises
    ------
    PolicyError
        When matplotlib is not installed.
    """
    side, path = factor.profile.side, factor.profile.path
    title, note = MADE[path]
    with plots.chart(16.4, 4.7) as figure:
        image, made, map_, rows = figure.subplots(1, 4)
        _draw_gray(image, factor.features.rows(), f"image\narea mean, {side} x {side}")
        _draw_gray(made, factor.derived.pixels, f"{title}\n{note}")
        _draw_map(map_, factor.map.values, path)
        _draw_rows(rows, factor.map.values.sum(axis=1, dtype=np.int64))
        return plots.png(figure)


def _draw_gray(axes: Axes, pixels: NDArray[np.uint8], title: str) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()


def _draw_map(axes: Axes, values: NDArray[np.int8], path: FactorPath) -> None:
    """By rank, from red, the least alike neighbourhood of this picture, to blue, the most alike one."""
    rank = np.sort(values, axis=None).searchsorted(values)
    axes.imshow(rank, cmap="RdBu", vmax=1.15 * max(int(rank.max()), 1), interpolation="nearest")
    low, high = int(values.min()), int(values.max())
    if path == "vae":
        axes.set_title(f"association\nred {(low + 128) / 256:.3f} to blue {(high + 128) / 256:.3f}")
    else:
        axes.set_title(f"similarity map\ncosine, red {low / 127:.3f} to blue {high / 127:.3f}")
    axes.set_axis_off()


def _draw_rows(axes: Axes, sums: NDArray[np.int64]) -> None:
    axes.barh(np.arange(len(sums)), sums - sums.min(), left=sums.min(), height=1, color=plots.COLOURS[0])
    axes.set_ylim(len(sums) - 0.5, -0.5)
    axes.set_box_aspect(1)
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(f"rows\n{sums.min()} to {sums.max()}")
    axes.set_xlabel("sum of a row of the map")
    axes.set_ylabel("row")
