"""A load test as a chart: how long the answers of each scenario took, and where the time of a verification goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe import plots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

_SMALLEST_SHARE = 0.005
_SMALLEST_TIME = 1e-3
_CURVES = {
    "first": "first verification",
    "again": "the same bytes again",
    "garbage": "garbage",
    "together": "many clients",
    "alone": "faces alone",
    "flooded": "faces beside guesses",
}


def draw_load(report: Mapping[str, Any]) -> bytes:
    """Draw latency curves above, the stages of one verification below.

    Parameters
    ----------
    report : mapping
        As `sealframe loadtest` writes it.

    Returns
    -------
    bytes
        A PNG.
    """
    title = f"{report['database']}, {report['workers']} server process(es), {report['clients']} clients"
    with plots.chart(10, 8.2, title, "times in units of one image factor on this computer") as figure:
        above, below = figure.subplots(2, height_ratios=(3, 2))
        _draw_curves(above, report)
        _draw_stages(below, report)
        return plots.png(figure)


def _draw_curves(axes: Axes, report: Mapping[str, Any]) -> None:
    """The time within which each share of the answers had come, by scenario."""
    if not report["scenarios"]:
        plots.leave_empty(axes, "no scenario was measured")
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlim(0, 100)
    axes.set_xticks((0, 25, 50, 75, 90, 99))
    axes.set_xlabel("share of the answers (%)")
    axes.set_ylabel("time to the answer (factors)")
    ends = []
    for number, (name, label) in enumerate(_CURVES.items()):
        if name in report["scenarios"]:
            times = np.maximum(np.array(report["scenarios"][name]["curve_ms"]) / report["factor_ms"], _SMALLEST_TIME)
            style = plots.line_style(number)
            axes.plot(np.arange(len(times)), times, **style)
            ends.append((label, float(times[-1]), style["color"]))
    plots.label_line_ends(axes, ends)


def _draw_stages(axes: Axes, report: Mapping[str, Any]) -> None:
    """A bar for every stage of a first verification with one client that can be seen."""
    if "first" not in report["scenarios"]:
        plots.leave_empty(axes, "the first verification was not measured")
        return
    spent = report["scenarios"]["first"]["stages_ms"]
    factors = {name: time / report["factor_ms"] for name, time in spent.items()}
    total = sum(factors.values())
    shown = {name: time for name, time in factors.items() if time > _SMALLEST_SHARE * total}
    axes.barh(range(len(shown)), list(shown.values()), height=0.7, color=plots.COLOURS[0])
    for row, time in enumerate(shown.values()):
        plots.label(axes, f"{time:.2f}", time, row, va="center", fontsize=9)
    axes.set_yticks(range(len(shown)), labels=list(shown))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("time (factors)")
    axes.set_title(f"one verification inside the server: {total:.1f} factors")
