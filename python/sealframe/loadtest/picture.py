"""A load test as a picture: how long the answers of each scenario took, and where a verification's time goes."""

from __future__ import annotations

import io
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, HEIGHT = 1000, 820
_LEFT, _TOP, _RIGHT, _BOTTOM = 90, 80, 700, 520
_INK, _FAINT, _PAPER = (32, 36, 44), (214, 218, 226), (255, 255, 255)
_SMALLEST_SHARE = 0.005
_CURVES = {
    "first": ("first verification", (33, 102, 172)),
    "again": ("the same bytes again", (90, 174, 97)),
    "garbage": ("garbage", (150, 156, 168)),
    "together": ("many clients", (118, 42, 131)),
    "alone": ("faces alone", (244, 165, 66)),
    "flooded": ("faces beside guesses", (178, 24, 43)),
}
_SHADES = (
    (33, 102, 172),
    (103, 169, 207),
    (90, 174, 97),
    (166, 219, 160),
    (244, 165, 66),
    (253, 219, 130),
    (178, 24, 43),
    (118, 42, 131),
    (194, 165, 207),
    (150, 156, 168),
)


def draw_load(report: Mapping[str, Any]) -> bytes:
    """Latency curves above, stages of one verification below, as PNG."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(canvas)
    title = f"{report['database']}, {report['workers']} server process(es), {report['clients']} clients"
    _text(draw, (_LEFT, 14), title, 20)
    _text(draw, (_LEFT, 44), "time to the answer, in units of one image factor", 15)
    if report["scenarios"]:
        _draw_curves(draw, report)
    if "first" in report["scenarios"]:
        _draw_stages(draw, report)
    png = io.BytesIO()
    canvas.save(png, "PNG", optimize=True)
    return png.getvalue()


def _draw_curves(draw: ImageDraw.ImageDraw, report: Mapping[str, Any]) -> None:
    unit = report["factor_ms"]
    curves = {
        name: [max(point / unit, 1e-3) for point in report["scenarios"][name]["curve_ms"]]
        for name in _CURVES
        if name in report["scenarios"]
    }
    low = floor(log10(min(min(curve) for curve in curves.values())))
    high = ceil(log10(max(max(curve) for curve in curves.values())))

    def down(units: float) -> float:
        return _BOTTOM - (log10(units) - low) / max(1, high - low) * (_BOTTOM - _TOP)

    for decade in range(low, high + 1):
        draw.line((_LEFT, down(10.0**decade), _RIGHT, down(10.0**decade)), fill=_FAINT)
        _text(draw, (_LEFT - 60, down(10.0**decade) - 9), f"{10.0**decade:g}", 15)
    for share in (0, 25, 50, 75, 90, 99):
        across = _LEFT + share / 100 * (_RIGHT - _LEFT)
        draw.line((across, _TOP, across, _BOTTOM), fill=_FAINT)
        _text(draw, (across - 8, _BOTTOM + 8), str(share), 15)
    _text(draw, (_LEFT + 210, _BOTTOM + 30), "percent of the answers", 16)
    for index, (name, curve) in enumerate(curves.items()):
        label, colour = _CURVES[name]
        points = [(_LEFT + share / 100 * (_RIGHT - _LEFT), down(point)) for share, point in enumerate(curve)]
        draw.line(points, fill=colour, width=3)
        top = _TOP + 30 * index
        draw.line((_RIGHT + 24, top + 9, _RIGHT + 54, top + 9), fill=colour, width=3)
        _text(draw, (_RIGHT + 64, top), label, 16)


def _draw_stages(draw: ImageDraw.ImageDraw, report: Mapping[str, Any]) -> None:
    """One bar: the stages of a first verification with one client, side by side; those that can be seen."""
    unit = report["factor_ms"]
    all_stages = {name: spent / unit for name, spent in report["scenarios"]["first"]["stages_ms"].items()}
    total = sum(all_stages.values()) or 1.0
    stages = {name: spent for name, spent in all_stages.items() if spent > _SMALLEST_SHARE * total}
    _text(draw, (_LEFT, 598), f"one verification inside the server: {total:.1f} factors", 16)
    across = float(_LEFT)
    for index, (name, spent) in enumerate(stages.items()):
        colour = _SHADES[index % len(_SHADES)]
        wide = spent / total * (WIDTH - 2 * _LEFT)
        draw.rectangle((across, 626, across + wide, 666), fill=colour)
        across += wide
        column, row = index % 4, index // 4
        left, top = _LEFT + column * 215, 684 + row * 28
        draw.rectangle((left, top + 3, left + 14, top + 17), fill=colour)
        _text(draw, (left + 20, top), f"{name} {spent:.2f}", 15)


def _text(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    draw.text(place, text, fill=_INK, font=ImageFont.load_default(size))
