"""The stages of a capture as a table and a chart: what sealing takes, and what the terminal adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe import plots
from sealframe.files import write_whole_file
from sealframe.terminal.latency import ANSWER, ENCODE, JOURNAL, QUALITY, SENT

if TYPE_CHECKING:
    from pathlib import Path

    from sealframe.terminal.latency import Latency


_WHOSE = {QUALITY: "terminal", ENCODE: "terminal", JOURNAL: "terminal", SENT: "terminal", ANSWER: "network and server"}
_COLOURS = {"terminal": plots.COLOURS[1], "Sealer.seal": plots.COLOURS[0], "network and server": plots.COLOURS[6]}


def report(latency: Latency, picture: Path) -> str:
    """Write the picture, PNG, over what was there, and return the table. Without a capture nothing is drawn."""
    stages = latency.milliseconds()
    if not stages:
        return "No capture was sent, so there is nothing to trace."
    write_whole_file(picture, draw(stages, latency.captures), overwrite=True)
    return "\n".join(table(stages, latency.captures))


def whose(stage: str) -> str:
    """Return who spends a stage: the terminal, `Sealer.seal`, or network and server."""
    return _WHOSE.get(stage, "Sealer.seal")


def added_share(stages: dict[str, float]) -> float:
    """Return what the terminal adds to `Sealer.seal`, from the frame in memory to the envelope sent; 0.3 is 30 %."""
    sealing = sum(spent for stage, spent in stages.items() if whose(stage) == "Sealer.seal")
    return sum(spent for stage, spent in stages.items() if whose(stage) == "terminal") / sealing


def table(stages: dict[str, float], captures: int) -> list[str]:
    """Return the lines of the table; milliseconds, medians."""
    head = f"from the frame in memory to the signed answer, medians of {captures} captures"
    rows = [f"  {stage:18}{spent:9.2f} ms   {whose(stage)}" for stage, spent in stages.items()]
    sealing = sum(spent for stage, spent in stages.items() if whose(stage) == "Sealer.seal")
    return [head, *rows, f"Sealer.seal takes {sealing:.2f} ms; the terminal adds {added_share(stages):.0%} to it"]


def draw(stages: dict[str, float], captures: int) -> bytes:
    """Draw a bar for every stage, each beginning where the one before ends.

    Parameters
    ----------
    stages : dict of str to float
        Milliseconds, in the order of time.
    captures : int
        Of how many captures they are medians.

    Returns
    -------
    bytes
        A PNG.
    """
    note = f"medians of {captures} captures; the terminal adds {added_share(stages):.0%} to Sealer.seal"
    with plots.chart(9.4, 1.5 + 0.36 * len(stages), "One capture, from the frame in memory", note) as figure:
        axes = figure.subplots()
        start = 0.0
        for row, (stage, spent) in enumerate(stages.items()):
            colour = _COLOURS[whose(stage)]
            axes.barh(row, spent, left=start, height=0.7, color=colour)
            start += spent
            plots.label(axes, f"{spent:.2f} ms, {whose(stage)}", start, row, colour, va="center")
        axes.set_yticks(range(len(stages)), labels=list(stages))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, 1.35 * start)
        axes.set_xlabel("time since the frame was in memory (ms)")
        return plots.png(figure)
