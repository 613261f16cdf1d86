"""The detection error trade-off as a picture: FNMR over FMR, both on logarithmic axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe import plots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from sealframe.calibration.error_rates import Curve

_TICKS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
_LOWEST_FNMR = 0.01


def draw_det(curves: Mapping[str, Curve], report: Mapping[str, Any]) -> bytes:
    """Draw the trade-off of a calibration.

    Parameters
    ----------
    curves : mapping of str to Curve
        By what was enrolled; the last one is that of the report's rows.
    report : mapping
        As `calibrate` returns it.

    Returns
    -------
    bytes
        A PNG.
    """
    lowest = max(min(3 / report["pairs"], 0.01), _TICKS[-1])
    title = f"{report['matcher']}: {report['people']} people, {report['pictures']} pictures"
    note = f"bars: 95 % over people; no rate below 3 / {report['pairs']} comparisons of strangers is known"
    with plots.chart(9, 6.4, title, note) as figure:
        axes = figure.subplots()
        _set_axes(axes, lowest)
        for number, (name, curve) in enumerate(curves.items()):
            style = plots.line_style(number)
            shown = (curve.fmr >= lowest) & (curve.fnmr >= _LOWEST_FNMR)
            axes.plot(curve.fmr[shown], curve.fnmr[shown], **style)
            place = max(curve.eer, lowest, _LOWEST_FNMR)
            axes.plot(place, place, "o", color=style["color"])
            told = f"{name} enrolled\nequal error rate {curve.eer:.1%}"
            plots.label(axes, told, place, place, style["color"], va="center", xytext=(9, 6))
        for row in report["rows"]:
            ends = np.maximum(row["fnmr_interval"], _LOWEST_FNMR)
            axes.plot([row["fmr"]] * 2, ends, color=style["color"], linewidth=1)
        return plots.png(figure)


def _set_axes(axes: Axes, lowest: float) -> None:
    axes.set(xscale="log", yscale="log", xlim=(lowest, 1), ylim=(_LOWEST_FNMR, 1.05))
    axes.plot([lowest, 1], [lowest, 1], color=plots.GRID, linewidth=1)
    plots.percent_axis(axes.xaxis, [tick for tick in _TICKS if tick >= lowest])
    plots.percent_axis(axes.yaxis, [tick for tick in _TICKS if tick >= _LOWEST_FNMR])
    axes.set_xlabel("false match rate: strangers who pass")
    axes.set_ylabel("false non-match rate: owners who do not pass")
