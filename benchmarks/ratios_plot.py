"""Draw committed ratios as bars: `python benchmarks/ratios_plot.py [--out docs/pictures/performance.png]`.

A bar is a peer's time where sealframe's is 1. The axis is logarithmic: 2 and 0.5 are equally far from 1.
Needs matplotlib: `pip install '.[plots]'`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe import plots
from sealframe.files import write_whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).parent
RATIOS = HERE / "ratios.json"
PICTURE = HERE.parent / "docs" / "pictures" / "performance.png"
ENVELOPE = "envelope sealed and opened, 640x480 raw"
SHOWN = (
    ("seal 640x480 RGB", "plain HPKE X-Wing (no factor, context or signature)", "seal: plain HPKE X-Wing"),
    ("open 640x480 RGB", "plain HPKE X-Wing", "open: plain HPKE X-Wing"),
    (ENVELOPE, "PyNaCl SealedBox", "envelope: PyNaCl SealedBox"),
    (ENVELOPE, "age (pyrage)", "envelope: age (pyrage)"),
    (ENVELOPE, "PyNaCl SealedBox, hashed and signed", "envelope: SealedBox, hashed and signed"),
    (ENVELOPE, "age (pyrage), hashed and signed", "envelope: age, hashed and signed"),
    ("channel cosine float32, C = 64", "SimSIMD", "channel cosine, float32: SimSIMD"),
    ("seal 640x480 RGB", "strong plain implementation of the same method", "seal: plain implementation"),
    ("channel cosine uint8, C = 64", "SimSIMD", "channel cosine, uint8: SimSIMD"),
    (ENVELOPE, "Fernet", "envelope: Fernet"),
    (ENVELOPE, "JWE ECDH-ES (joserfc)", "envelope: JWE (joserfc)"),
    ("Bernoulli samples 512x512", "NumPy", "Bernoulli samples: NumPy"),
    ("window cosine 128x128, k = 7", "OpenCV", "window cosine: OpenCV"),
    ("features 640x480 to 128x128", "OpenCV, three calls", "gray and area mean: OpenCV"),
)
"""Group and case in the file of ratios, and the label of the bar."""


def read_bars(file: Path = RATIOS) -> list[tuple[str, float]]:
    """Label and ratio of each bar, the shortest first."""
    ratios = json.loads(file.read_text())
    return sorted(((label, ratios[group][case]) for group, case, label in SHOWN), key=lambda bar: bar[1])


def draw(bars: list[tuple[str, float]]) -> bytes:
    """Draw the bars. Returns a PNG."""
    note = "AMD EPYC (Zen 3, AVX2), median wall time, each case alone; right of 1 sealframe is faster"
    with plots.chart(8.4, 5.2, "A peer's time, sealframe = 1", note) as figure:
        axes = figure.subplots()
        _draw_bars(axes, bars)
        axes.set_xlabel("times sealframe's time")
        return plots.png(figure)


def _draw_bars(axes: Axes, bars: list[tuple[str, float]]) -> None:
    for row, (_, ratio) in enumerate(bars):
        axes.barh(row, ratio - 1, left=1, height=0.62, color=plots.COLOURS[ratio < 1])
        side = {"ha": "left", "xytext": (5, 0)} if ratio > 1 else {"ha": "right", "xytext": (-5, 0)}
        plots.label(axes, f"{ratio:.2g}", ratio, row, va="center", **side)
    axes.set_xscale("log")
    axes.set_xlim(0.032, 14)
    axes.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], labels=["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(bars)), labels=[label for label, _ in bars])
    axes.grid(visible=False, axis="y")
    axes.axvline(1, color=plots.INK, linewidth=1)


def main() -> None:
    """Read the options, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", metavar="PNG", type=Path, default=PICTURE, help="where the chart goes (%(default)s)")
    options = parser.parse_args()
    write_whole_file(options.out, draw(read_bars()), mode=0o644, overwrite=True)


if __name__ == "__main__":
    main()
