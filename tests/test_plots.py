"""One style for every chart: labels and lines that stay apart, a sentence where matplotlib is missing."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sealframe import plots
from sealframe.cli import main
from sealframe.errors import PolicyError
from tests.support import encoded, synthetic_frame

pytest.importorskip("matplotlib")


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


def drawn(title: str = "", note: str = "") -> bytes:
    with plots.chart(4, 3, title, note) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], **plots.line_style(0))
        plots.label(axes, "half", 0.5, 0.5)
        plots.label_line_ends(axes, [("one", 1.0, plots.INK), ("nearly one", 0.99, plots.FAINT)])
        return plots.png(figure)


def test_a_chart_has_the_size_that_was_asked_for_and_the_same_bytes_again() -> None:
    assert pixels(drawn()).shape == (300, 400, 3)
    assert drawn("title", "note") == drawn("title", "note") != drawn("title")


def test_title_and_note_stand_above_the_axes() -> None:
    plain, headed = pixels(drawn()), pixels(drawn("Title", "a note"))
    assert (plain[:6] == 255).all()
    assert (headed[12:24, 12:40] < 128).any()
    assert (headed[40:56, 12:40] < 160).any()


def test_a_chart_leaves_the_style_of_others_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


def test_the_first_21_lines_look_different() -> None:
    assert len({tuple(plots.line_style(number).values()) for number in range(21)}) == 21


@given(st.lists(st.floats(-0.2, 1.2), max_size=12), st.floats(0.01, 0.08))
def test_labels_stay_apart_and_inside_in_the_order_of_their_lines(wanted: list[float], gap: float) -> None:
    places = plots._apart(sorted(wanted), gap)
    assert len(places) == len(wanted)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(places))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


def test_labels_that_have_room_stay_where_their_lines_end() -> None:
    assert plots._apart([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]
    assert plots._apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])


def test_the_stages_of_a_capture_have_the_colour_of_who_spends_them() -> None:
    from sealframe.terminal.latency import ANSWER, QUALITY
    from sealframe.terminal.latency_plot import draw

    chart = pixels(draw({QUALITY: 2.0, "derivation": 5.0, ANSWER: 14.0}, 40))
    widths = [int((chart == _rgb(plots.COLOURS[number])).all(2).sum(1).max()) for number in (1, 0, 6)]
    assert widths[1] / widths[0] == pytest.approx(2.5, rel=0.1)
    assert widths[2] / widths[0] == pytest.approx(7, rel=0.1)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], np.uint8)


@pytest.mark.parametrize("names", [[], ["garbage"], ["first", "again", "garbage", "together", "alone", "flooded"]])
def test_a_load_test_is_drawn_with_the_scenarios_that_were_run(names: list[str]) -> None:
    from sealframe.loadtest.picture import draw_load

    scenarios = {
        name: {"curve_ms": [number + 1 + share / 50 for share in range(100)], "stages_ms": {"seal": 1, "none": 0}}
        for number, name in enumerate(names)
    }
    report = {"database": "sqlite", "workers": 1, "clients": 4, "factor_ms": 2.0, "scenarios": scenarios}
    chart = pixels(draw_load(report))
    assert chart.shape == (820, 1000, 3)
    shown = {number for number in range(6) if (chart == _rgb(plots.COLOURS[number])).all(2).any()}
    order = ["first", "again", "garbage", "together", "alone", "flooded"]
    assert shown == {order.index(name) for name in names}


def test_without_matplotlib_a_sentence_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match=r"pip install 'sealframe\[plots\]'"), plots.chart(1, 1):
        pass
    (tmp_path / "photo.png").write_bytes(encoded(synthetic_frame(40, 60), "PNG"))
    assert main(["factor", "photo.png", "--plot", "factor.png"]) == 1
    assert capsys.readouterr().err == "sealframe: Charts need matplotlib: pip install 'sealframe[plots]'\n"
    assert main(["demo"]) == 0
    assert "not drawn  Charts need matplotlib" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
