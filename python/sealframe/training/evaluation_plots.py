"""Pictures of an evaluation: what to look at instead of reading its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe import plots
from sealframe.training.edits import BENIGN, EDITS, edited
from sealframe.training.factor_evaluation import WAYS, Received, pooled, scores, signed_codes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sealframe.training.comparator import Comparator

    Gray = NDArray[np.uint8]

SHOWN = "derived image, block means"


def draw_roc(found: Mapping[str, Mapping[str, NDArray[np.float64]]], path: Path) -> None:
    """Draw how many different pictures are told apart, over same pictures taken for different, as PNG.

    Parameters
    ----------
    found : mapping
        By code and benign change, distances as `factor_evaluation.distances` returns them.
    path : Path
        The file.
    """
    with plots.chart(9.6, 6.4, "Another picture, or the same one", "all benign changes together") as figure:
        axes = figure.subplots()
        least = min(1 / len(pooled(by_change)[1]) for by_change in found.values())
        axes.set(xscale="log", xlim=(1, least / 2), ylim=(0, 1.02))
        ends = []
        for number, (name, by_change) in enumerate(found.items()):
            false, true = _rates(*pooled(by_change))
            style = plots.line_style(number)
            axes.plot(np.maximum(false, least / 2), true, **style)
            ends.append((name, float(true[0]), style["color"]))
        plots.label_line_ends(axes, ends)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("same picture, changed benignly, taken for another (share; stricter to the right)")
        axes.set_ylabel("other picture told apart (share)")
        path.write_bytes(plots.png(figure))


def _rates(other: NDArray[np.float64], same: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of same and of other pictures at and above every threshold that matters, the strictest first."""
    thresholds = np.unique(np.concatenate([other, same]))[::-1]
    false, true = (1 - np.searchsorted(np.sort(kind), thresholds, "left") / len(kind) for kind in (same, other))
    best = np.append(np.diff(false) > 0, True)
    return false[best], true[best]


def draw_localisation(facts: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]], path: Path) -> None:
    """Draw the share of edited blocks found at 1 % false ones, as PNG: a panel per edit, a group of bars per code.

    Parameters
    ----------
    facts : mapping
        As `factor_evaluation.localisation` returns it.
    path : Path
        The file.
    """
    with plots.chart(9.6, 2 * len(EDITS) + 2.2, "Edited blocks found at 1 % false ones") as figure:
        panels = np.atleast_1d(figure.subplots(len(EDITS), sharex=True))
        for panel, edit in zip(panels, EDITS, strict=True):
            _draw_edit(panel, facts, edit)
        handles, ways = panels[0].get_legend_handles_labels()
        figure.legend(handles, ways, ncols=len(WAYS), loc="upper right")
        panels[-1].set_xticks(range(len(facts)), list(facts), rotation=30, ha="right")
        path.write_bytes(plots.png(figure))


def _draw_edit(panel: Axes, facts: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]], edit: str) -> None:
    places, width = np.arange(len(facts)), 0.8 / len(WAYS)
    for number, way in enumerate(WAYS):
        shares = [100 * ways[way][edit]["blocks_found_at_1_percent"] if way in ways else 0.0 for ways in facts.values()]
        panel.bar(places + (number - 1.5) * width, shares, width, label=way, color=plots.COLOURS[number])
    panel.set_title(edit)
    panel.set_ylim(0, 100)
    panel.set_ylabel("found (%)")
    panel.grid(visible=False, axis="x")


def draw_edits(
    frames: Sequence[Gray], comparators: Mapping[str, Comparator], rng: np.random.Generator, path: Path
) -> None:
    """Draw what each way of comparing makes of every edit after JPEG 75, as PNG.

    Parameters
    ----------
    frames : sequence of numpy.ndarray
        At least two, uint8 (128, 128).
    comparators : mapping of str to Comparator
        By code.
    rng : numpy.random.Generator
        Of the places of edits.
    path : Path
        The file.
    """
    ways = [way for way in WAYS if way != "learnt" or SHOWN in comparators]
    title = f"{SHOWN}: sealed, received after JPEG 75, edited blocks, and how changed each block looks"
    with plots.chart(1.7 * (3 + len(ways)), 1.8 * len(EDITS) + 0.5, note=title) as figure:
        panels = figure.subplots(len(EDITS), 3 + len(ways), squeeze=False)
        for row, (edit, line) in enumerate(zip(EDITS, panels, strict=True)):
            frame, other = frames[row % len(frames)], frames[(row + 1) % len(frames)]
            shown = _pictures_of_edit(frame, other, edit, comparators, rng)
            for panel, name in zip(line, ("sealed", f"received: {edit}", "edited", *ways), strict=True):
                _show(panel, shown[name], name)
        path.write_bytes(plots.png(figure))


def _pictures_of_edit(
    frame: Gray, other: Gray, edit: str, comparators: Mapping[str, Comparator], rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """What is sealed, received and edited, and the scores of every way of comparing, by name."""
    signed = signed_codes(frame)
    changed, share = edited(frame, other, edit, rng)
    received = BENIGN["jpeg 75"](changed, rng)
    found = dict(scores(SHOWN, signed[SHOWN], Received.of(received, signed), comparators))
    return {"sealed": frame, f"received: {edit}": received, "edited": share, **found}


def _show(panel: Axes, picture: NDArray[Any], title: str = "") -> None:
    """A frame in gray, or a map of blocks in colours from dark to light."""
    if picture.dtype == np.uint8:
        panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
    else:
        panel.imshow(picture, cmap="cividis")
    panel.set_title(title, fontsize=8)
    panel.set_axis_off()


def draw_nearest(nearest: Mapping[str, Sequence[Mapping[str, Any]]], pictures: Mapping[str, Gray], path: Path) -> None:
    """Draw the different pictures that block means of the derived image can hardest tell apart, as PNG.

    Parameters
    ----------
    nearest : mapping
        As `factor_evaluation.nearest_pairs` returns it.
    pictures : mapping of str to numpy.ndarray
        Frames uint8 (128, 128) by name.
    path : Path
        The file.
    """
    pairs = nearest[SHOWN]
    columns = max(2, len(pairs))
    with plots.chart(max(7, 1.6 * columns), 4, "Hardest to tell apart", f"mean distance of {SHOWN}") as figure:
        panels = figure.subplots(2, columns, squeeze=False)
        for panel in panels.ravel():
            panel.set_axis_off()
        for column, pair in enumerate(pairs):
            for row, name in enumerate(pair["pictures"]):
                _show(panels[row, column], pictures[name])
            panels[0, column].set_title(f"{pair['distance']:.1f} gray levels", fontsize=8)
        path.write_bytes(plots.png(figure))
