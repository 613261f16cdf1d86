"""One style for every chart: units on the axes, labels beside the lines, colours for every kind of colour vision.

    with plots.chart(8, 5, "Title", "what it shows") as figure:
        axes = figure.subplots()
        axes.plot(...)
        plots.label_lines(axes, {"first": (x, y), "second": (x, y)})
        content = plots.png(figure)

matplotlib draws; it is imported when a chart is made.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""After Okabe and Ito, "Color Universal Design" (2008), the yellow left out: it is too light for a line."""
DASHES = ("-", "--", ":")
INK, FAINT, GRID = "#20242c", "#5b6472", "#d6dae2"
DOTS_PER_INCH = 100
_MARGIN, _TITLE, _NOTE = 0.12, 0.28, 0.22
"""Inches above, and of the lines at the head of a chart."""

_STYLE: Any = {
    "figure.dpi": DOTS_PER_INCH,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titlecolor": FAINT,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


@contextmanager
def chart(width: float, height: float, title: str = "", note: str = "") -> Iterator[Figure]:
    """Make a figure in the one style; draw on it within the block.

    Parameters
    ----------
    width, height : float
        Inches of 100 pixels.
    title : str
        What the chart is about.
    note : str
        A line under the title: what was measured, and how.

    Yields
    ------
    matplotlib.figure.Figure
        The empty figure.

    Raises
    ------
    PolicyError
        When matplotlib is not installed.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(4, 3, "Throughput", "payments a second") as figure:
    ...     lines = figure.subplots().plot([1, 2, 4], [90, 170, 300])
    ...     picture = plots.png(figure)
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError:
        raise PolicyError("Charts need matplotlib: pip install 'sealframe[plots]'") from None
    head = _MARGIN + _TITLE * bool(title) + _NOTE * bool(note)
    with rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(
            w_pad=_MARGIN, h_pad=_MARGIN / 2, wspace=0.03, rect=(0, 0, 1, 1 - head / height if title or note else 1)
        )
        figure = Figure(figsize=(width, height), layout=layout)
        left, top = _MARGIN / width, 1 - _MARGIN / height
        figure.text(left, top, title, va="top", fontsize=13, fontweight="bold")
        figure.text(left, top - _TITLE * bool(title) / height, note, va="top", color=FAINT)
        yield figure


def png(figure: Figure) -> bytes:
    """Draw a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As `chart` makes it.

    Returns
    -------
    bytes
        A PNG, RGB, the same bytes for the same figure.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(1, 1) as figure:
    ...     plots.png(figure)[1:4]
    b'PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, "PNG", optimize=True)
    return content.getvalue()


def line_style(number: int) -> dict[str, Any]:
    """Return colour and dashes of a line, different for the first 21.

    Parameters
    ----------
    number : int
        The line, from 0.

    Returns
    -------
    dict of str to object
        Arguments of `Axes.plot`.

    Examples
    --------
    >>> from sealframe import plots
    >>> plots.line_style(0)
    {'color': '#0072b2', 'linestyle': '-'}
    """
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)]}


def label(axes: Axes, text: str, x: float, y: float, colour: str = INK, **placement: Any) -> None:
    """Write a label beside a place in the data, legible over lines.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to write.
    text : str
        The label.
    x, y : float
        The place, in data.
    colour : str
        Of the letters.
    **placement : object
        More of `Axes.annotate`: `ha`, `va`, `fontsize`, `xytext` in points.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(2, 2) as figure:
    ...     plots.label(figure.subplots(), "saturated", 0.5, 0.5)
    """
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground="white")]
    axes.annotate(
        text, (x, y), **({"xytext": (6, 0)} | placement), textcoords="offset points", color=colour, path_effects=halo
    )


def label_line_ends(axes: Axes, ends: Sequence[tuple[str, float, str]], size: float = 9) -> None:
    """Write labels to the right of the axes, each as near to the end of its line as the others allow.

    Call it when the limits of the axes are final.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where the lines are.
    ends : sequence of (str, float, str)
        Label, height of the line's end in data, colour.
    size : float
        Of the letters, in points.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(2, 2) as figure:
    ...     axes = figure.subplots()
    ...     lines = axes.plot([0, 1], [0, 5])
    ...     plots.label_line_ends(axes, [("SQLite", 5.0, plots.INK)])
    """
    pixels = axes.transAxes.transform((1, 1))[1] - axes.transAxes.transform((0, 0))[1]
    gap = 1.35 * size / 72 * DOTS_PER_INCH / pixels
    ordered = sorted(ends, key=lambda end: end[1])
    wanted = [_part_of_height(axes, height) for _, height, _ in ordered]
    for (label, _, colour), place in zip(ordered, _apart(wanted, gap), strict=True):
        axes.annotate(label, (1.015, place), xycoords="axes fraction", color=colour, fontsize=size, va="center")


def _part_of_height(axes: Axes, height: float) -> float:
    _, display = axes.transData.transform((axes.get_xlim()[1], height))
    return float(axes.transAxes.inverted().transform((0, display))[1])


def _apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in rising order, at least `gap` apart, near those wanted, and within 0 to 1 where they fit."""
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _spread(groups[-2], gap)[-1] + gap > _spread(groups[-1], gap)[0]:
            last = groups.pop()
            groups[-1] += last
    return [place for group in groups for place in _spread(group, gap)]


def _spread(group: Sequence[float], gap: float) -> list[float]:
    """Places of one group around the middle of what it wants, moved into 0 to 1 where it fits."""
    length = gap * (len(group) - 1)
    first = float(np.mean(group)) - length / 2
    first = max(min(first, 1 - length), 0.0) if length <= 1 else first
    return [first + gap * number for number in range(len(group))]


def percent_axis(axis: Any, shares: Sequence[float]) -> None:
    """Mark shares on an axis in percent.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        `axes.xaxis` or `axes.yaxis`.
    shares : sequence of float
        Places of the marks, 0..1.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(2, 2) as figure:
    ...     axes = figure.subplots()
    ...     plots.percent_axis(axes.xaxis, [0, 0.5, 1])
    ...     [tick.get_text() for tick in axes.get_xticklabels()]
    ['0 %', '50 %', '100 %']
    """
    axis.set_ticks(shares, labels=[f"{100 * share:g} %" for share in shares])
    axis.set_ticks([], minor=True)


def leave_empty(axes: Axes, why: str) -> None:
    """Write why a part of a chart shows nothing.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The part.
    why : str
        The reason, a few words.

    Examples
    --------
    >>> from sealframe import plots
    >>> with plots.chart(2, 2) as figure:
    ...     plots.leave_empty(figure.subplots(), "no impostor passed")
    """
    axes.set_axis_off()
    axes.set_title(why)
