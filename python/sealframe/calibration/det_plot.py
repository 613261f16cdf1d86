"""The detection error trade-off as a picture: FNMR over FMR, both on logarithmic axes."""

from __future__ import annotations

import io
from math import log10
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealframe.calibration.error_rates import Curve

WIDTH, HEIGHT = 900, 640
_LEFT, _TOP, _RIGHT, _BOTTOM = 90, 70, 870, 560
_TICKS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
_LOWEST_FNMR = 0.01
_INK, _FAINT, _PAPER = (32, 36, 44), (214, 218, 226), (255, 255, 255)
_COLOURS = ((150, 156, 168), (33, 102, 172))


def draw_det(curves: Mapping[str, Curve], report: Mapping[str, Any]) -> bytes:
    """A curve for each name, with the 95 % intervals of the calibrated rates, as PNG."""
    lowest = max(min(3 / report["pairs"], 0.01), _TICKS[-1])
    canvas = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(canvas)
    _text(draw, (_LEFT, 14), f"{report['matcher']}: {report['people']} people, {report['pictures']} pictures", 20)
    _text(draw, (_LEFT, 42), "bars: 95 % over people; no rate below 3 / comparisons of strangers is known", 15)
    _axes(canvas, draw, lowest)
    for row in report["rows"]:
        across = _x(row["fmr"], lowest)
        low, high = (_y(end) for end in row["fnmr_interval"])
        draw.line((across, low, across, high), fill=_COLOURS[1], width=2)
    for index, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        points = [(_x(fmr, lowest), _y(fnmr)) for fmr, fnmr in zip(curve.fmr, curve.fnmr, strict=True) if fmr >= lowest]
        draw.line(points, fill=colour, width=3)
        top = _BOTTOM - 60 + 26 * index
        draw.line((_LEFT + 16, top + 9, _LEFT + 46, top + 9), fill=colour, width=3)
        _text(draw, (_LEFT + 56, top), f"{name} enrolled, EER {curve.eer:.1%}", 16)
    png = io.BytesIO()
    canvas.save(png, "PNG", optimize=True)
    return png.getvalue()


def _axes(canvas: Image.Image, draw: ImageDraw.ImageDraw, lowest: float) -> None:
    for tick in _TICKS:
        if tick >= lowest:
            across = _x(tick, lowest)
            draw.line((across, _TOP, across, _BOTTOM), fill=_FAINT)
            _text(draw, (across - 18, _BOTTOM + 8), f"{tick:.4g}", 15)
        if tick >= _LOWEST_FNMR:
            down = _y(tick)
            draw.line((_LEFT, down, _RIGHT, down), fill=_FAINT)
            _text(draw, (_LEFT - 48, down - 9), f"{tick:.4g}", 15)
    _text(draw, (_LEFT + 250, _BOTTOM + 36), "FMR: strangers who pass", 17)
    caption = Image.new("RGB", (300, 24), _PAPER)
    _text(ImageDraw.Draw(caption), (0, 0), "FNMR: owners who do not pass", 17)
    canvas.paste(caption.rotate(90, expand=True), (8, _TOP + 120))


def _x(rate: float, lowest: float) -> float:
    part = log10(max(rate, lowest) / lowest) / log10(1 / lowest)
    return _LEFT + part * (_RIGHT - _LEFT)


def _y(rate: float) -> float:
    part = log10(max(rate, _LOWEST_FNMR) / _LOWEST_FNMR) / log10(1 / _LOWEST_FNMR)
    return _BOTTOM - part * (_BOTTOM - _TOP)


def _text(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    draw.text(place, text, fill=_INK, font=ImageFont.load_default(size))
