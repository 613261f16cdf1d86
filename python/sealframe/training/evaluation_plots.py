"""Pictures of an evaluation: what to look at instead of reading its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from sealframe.training.edits import BENIGN, EDITS, edited
from sealframe.training.factor_evaluation import WAYS, Received, pooled, scores, signed_codes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sealframe.training.comparator import Comparator

    Gray = NDArray[np.uint8]

SHOWN = "derived image, block means"


def draw_roc(found: Mapping[str, Mapping[str, NDArray[np.float64]]], path: Path) -> None:
    """Different pictures told apart against same pictures taken for different, over all benign changes."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    panel = figure.subplots()
    least = 1.0
    for number, (name, by_change) in enumerate(found.items()):
        other, same = pooled(by_change)
        thresholds = np.unique(np.concatenate([other, same]))[::-1]
        false = 1 - np.searchsorted(np.sort(same), thresholds, "left") / len(same)
        true = 1 - np.searchsorted(np.sort(other), thresholds, "left") / len(other)
        least = min(least, 1 / len(same))
        panel.plot(
            np.maximum(false, 0.5 / len(same)), true, ("-", "--", ":")[number // 7 % 3], label=name, linewidth=1.4
        )
    panel.set_xscale("log")
    panel.set_xlim(least / 2, 1)
    panel.set_ylim(0, 1.02)
    panel.set_xlabel("same picture, changed benignly, taken for another")
    panel.set_ylabel("other picture told apart")
    panel.grid(visible=True, alpha=0.3)
    panel.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=100)


def draw_localisation(facts: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]], path: Path) -> None:
    """Share of edited blocks found at 1 % false ones: a panel per edit, a group of bars per code."""
    figure = Figure(figsize=(9, 2.1 * len(EDITS) + 1.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(EDITS), sharex=True))
    places, width = np.arange(len(facts)), 0.8 / len(WAYS)
    for panel, edit in zip(panels, EDITS, strict=True):
        for number, way in enumerate(WAYS):
            shares = [ways[way][edit]["blocks_found_at_1_percent"] if way in ways else 0.0 for ways in facts.values()]
            panel.bar(places + (number - 1.5) * width, shares, width, label=way)
        panel.set_title(f"{edit}: blocks found at 1 % false ones", fontsize=9, loc="left")
        panel.set_ylim(0, 1)
        panel.grid(visible=True, axis="y", alpha=0.3)
    panels[0].legend(ncols=len(WAYS), fontsize=8, loc="upper right")
    panels[-1].set_xticks(places, list(facts), rotation=35, ha="right", fontsize=8)
    figure.savefig(path, dpi=100)


def draw_edits(
    frames: Sequence[Gray], comparators: Mapping[str, Comparator], rng: np.random.Generator, path: Path
) -> None:
    """Per edit, after JPEG 75: picture, received picture, edited blocks, and what each way of comparing makes of it."""
    ways = [way for way in WAYS if way != "learnt" or SHOWN in comparators]
    figure = Figure(figsize=(1.7 * (3 + len(ways)), 1.8 * len(EDITS)), layout="constrained")
    panels = figure.subplots(len(EDITS), 3 + len(ways), squeeze=False)
    for row, (edit, line) in enumerate(zip(EDITS, panels, strict=True)):
        frame, other = frames[row % len(frames)], frames[(row + 1) % len(frames)]
        signed = signed_codes(frame)
        changed, share = edited(frame, other, edit, rng)
        received = BENIGN["jpeg 75"](changed, rng)
        found = dict(scores(SHOWN, signed[SHOWN], Received.of(received, signed), comparators))
        shown: list[tuple[str, NDArray[Any]]] = [
            ("sealed", frame),
            (f"received: {edit}", received),
            ("edited", share),
            *((way, found[way]) for way in ways),
        ]
        for panel, (title, picture) in zip(line, shown, strict=True):
            if picture.shape == frame.shape:
                panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            else:
                panel.imshow(picture, cmap="magma")
            panel.set_title(title, fontsize=8)
            panel.set_axis_off()
    figure.savefig(path, dpi=100)


def draw_nearest(nearest: Mapping[str, Sequence[Mapping[str, Any]]], pictures: Mapping[str, Gray], path: Path) -> None:
    """The different pictures that block means of the derived image can hardest tell apart."""
    pairs = nearest[SHOWN]
    figure = Figure(figsize=(1.6 * max(2, len(pairs)), 3.6), layout="constrained")
    panels = figure.subplots(2, max(2, len(pairs)), squeeze=False)
    for panel in panels.ravel():
        panel.set_axis_off()
    for column, pair in enumerate(pairs):
        for row, name in enumerate(pair["pictures"]):
            panels[row, column].imshow(pictures[name], cmap="gray", vmin=0, vmax=255)
        panels[0, column].set_title(f"distance {pair['distance']:.1f}", fontsize=8)
    figure.savefig(path, dpi=100)
