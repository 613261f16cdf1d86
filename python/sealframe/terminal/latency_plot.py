"""The stages of a capture as a table and a picture: what sealing takes, and what the terminal adds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sealframe.files import write_whole_file
from sealframe.terminal.latency import ANSWER, ENCODE, JOURNAL, QUALITY, SENT

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageDraw import ImageDraw

    from sealframe.terminal.latency import Latency


_WHOSE = {QUALITY: "terminal", ENCODE: "terminal", JOURNAL: "terminal", SENT: "terminal", ANSWER: "network and server"}
_COLOURS = {"terminal": (178, 94, 8), "Sealer.seal": (11, 86, 114), "network and server": (122, 136, 147)}
_INK, _FAINT, _PAPER = (19, 33, 44), (70, 86, 99), (255, 255, 255)
_ROW, _LEFT, _WIDTH, _RIGHT, _MARGIN = 36, 190, 620, 110, 28


def report(latency: Latency, picture: Path) -> str:
    """Write the picture, PNG, over what was there, and return the table. Without a capture nothing is drawn."""
    stages = latency.milliseconds()
    if not stages:
        return "No capture was sent, so there is nothing to trace."
    write_whole_file(picture, draw(stages, latency.captures), overwrite=True)
    return "\n".join(table(stages, latency.captures))


def whose(stage: str) -> str:
    """Who spends a stage: the terminal, `Sealer.seal`, or network and server."""
    return _WHOSE.get(stage, "Sealer.seal")


def added_share(stages: dict[str, float]) -> float:
    """What the terminal adds to `Sealer.seal`, from the frame in memory to the envelope sent; 0.3 is 30 %."""
    sealing = sum(spent for stage, spent in stages.items() if whose(stage) == "Sealer.seal")
    return sum(spent for stage, spent in stages.items() if whose(stage) == "terminal") / sealing


def table(stages: dict[str, float], captures: int) -> list[str]:
    """The lines of the table; milliseconds, medians."""
    head = f"from the frame in memory to the signed answer, medians of {captures} captures"
    rows = [f"  {stage:18}{spent:9.2f} ms   {whose(stage)}" for stage, spent in stages.items()]
    sealing = sum(spent for stage, spent in stages.items() if whose(stage) == "Sealer.seal")
    return [head, *rows, f"Sealer.seal takes {sealing:.2f} ms; the terminal adds {added_share(stages):.0%} to it"]


def draw(stages: dict[str, float], captures: int) -> bytes:
    """A bar for every stage, each beginning where the one before ends, as PNG."""
    from PIL import Image, ImageDraw, ImageFont

    size = (_LEFT + _WIDTH + _RIGHT, 2 * _MARGIN + _ROW * (len(stages) + 3))
    image = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(16)
    draw.text((_MARGIN, _MARGIN), f"One capture, from the frame in memory (medians of {captures})", _INK)
    scale, start = _WIDTH / sum(stages.values()), 0.0
    for row, (stage, spent) in enumerate(stages.items(), 1):
        top, left = _MARGIN + row * _ROW, _LEFT + start * scale
        draw.text((_LEFT - 16, top + 6), stage, _INK, anchor="ra")
        draw.rectangle(
            (left, top + 4, max(left + spent * scale, left + 1), top + _ROW - 6), fill=_COLOURS[whose(stage)]
        )
        draw.text((left + spent * scale + 8, top + 6), f"{spent:.2f} ms", _FAINT)
        start += spent
    _draw_legend(draw, stages, _MARGIN + (len(stages) + 1) * _ROW + 8)
    png = io.BytesIO()
    image.save(png, "PNG", optimize=True)
    return png.getvalue()


def _draw_legend(draw: ImageDraw, stages: dict[str, float], top: int) -> None:
    left = _LEFT
    for name, colour in _COLOURS.items():
        draw.rectangle((left, top, left + 16, top + 16), fill=colour)
        draw.text((left + 24, top), name, _INK)
        left += 24 + int(draw.textlength(name)) + 32
    text = f"from frame to sent the terminal adds {added_share(stages):.0%} to Sealer.seal"
    draw.text((_LEFT, top + _ROW), text, _INK)
