"""`sealframe demo`: seal a picture, open it, show what is refused, and where the time goes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli.factor_plot import plot_factor
from sealframe.cli.streams import read_picture
from sealframe.errors import BadSignature, EnvelopeError, PolicyError, ReplayedCapture, SealframeError, UnknownKey
from sealframe.files import write_whole_file
from sealframe.image import frame_from_array, frame_from_bytes, raw_payload

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe demo --image photo.jpg"
BAR = 40
REPEATS = 8


@dataclass(frozen=True, slots=True)
class _Stage:
    """Two ends of a wire: a device that seals and a server that opens."""

    device: sf.DeviceKey
    server: sf.ServerKey
    sealer: sf.Sealer
    opener: sf.Opener


def add_options(parser: ArgumentParser) -> None:
    """The picture that is sealed, and the one that is drawn."""
    parser.add_argument("--image", metavar="PATH", help="seal your own picture (default: a drawn one)")
    parser.add_argument(
        "--out", metavar="FILE", default="sealframe-demo.png", help="draw the factor to FILE (default: %(default)s)"
    )


def run(options: Namespace) -> int:
    """Everything in a temporary folder but the drawing. Exit 1 when anything did not go as it must."""
    picture = read_picture(options.image) if options.image else _synthetic_frame()
    frame = frame_from_bytes(picture)
    with tempfile.TemporaryDirectory() as folder:
        stage = _set_up(Path(folder))
        stage.sealer.seal(picture)  # the first use loads the networks
        sealing, opening = sf.StageTimes(), sf.StageTimes()
        *earlier, envelope = [
            stage.sealer.seal(picture, b"amount=12.50 TEST", on_stage=sealing) for _ in range(REPEATS)
        ]
        print(f"picture    {frame.width}x{frame.height} {frame.order}, {len(picture)} bytes")
        print(f"sealed     {len(envelope)} bytes, to {stage.server.public.key_id.hex()} as {stage.device.key_id.hex()}")
        opening.restart()
        opened = [stage.opener.open(each, on_stage=opening) for each in (*earlier, envelope)][-1]
        same = opened.payload == picture
        print(f"opened     {'identical to the last byte' if same else 'DIFFERENT'}; data {opened.data.decode()!r}")
        print(f"context    {opened.security_factor.capture_context.decode()}")
        print(f"factor     {opened.image_factor.hex()[:48]}... ({len(opened.image_factor)} bytes)")
        refusals = [_refusal(*case) for case in _attacks(stage, envelope)]
    drawn = _draw(options.out, picture)
    _print_shares("seal", sealing)
    _print_shares("open", opening)
    print(f"\n{drawn}")
    return 0 if same and all(refusals) else 1


def _synthetic_frame() -> bytes:
    from sealframe.cli.demo.picture import draw_demo_picture

    return bytes(raw_payload(frame_from_array(draw_demo_picture())))


def _set_up(folder: Path) -> _Stage:
    device, server = sf.DeviceKey.generate("POS-DEMO"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.CounterFile(folder / "demo.counter"))
    store = sf.SqliteReplayStore(folder / "replay.db")
    return _Stage(device, server, sealer, sf.Opener(server, devices=[device.public], freshness=sf.Live(store)))


def _attacks(stage: _Stage, envelope: bytes) -> list[tuple[str, sf.Opener, bytes, type[SealframeError]]]:
    flipped = bytearray(envelope)
    flipped[len(flipped) // 2] ^= 1
    stranger = sf.Opener(sf.ServerKey.generate(), devices=[stage.device.public], freshness=sf.Archive())
    unlisted = sf.Opener(stage.server, devices=[sf.DeviceKey.generate("POS-OTHER").public], freshness=sf.Archive())
    return [
        ("one bit flipped", stage.opener, bytes(flipped), EnvelopeError),
        ("truncated by a byte", stage.opener, envelope[:-1], EnvelopeError),
        ("replayed", stage.opener, envelope, ReplayedCapture),
        ("another server's key", stranger, envelope, UnknownKey),
        ("an unknown device", unlisted, envelope, UnknownKey),
        ("re-signed header", stage.opener, envelope[:40] + bytes(16) + envelope[56:], BadSignature),
    ]


def _refusal(what: str, opener: sf.Opener, envelope: bytes, expected: type[SealframeError]) -> bool:
    try:
        opener.open(envelope)
    except SealframeError as error:
        print(f"refused    {what}: {type(error).__name__}: {error}")
        return isinstance(error, expected)
    print(f"ACCEPTED   {what}: this must not happen")
    return False


def _draw(path: str, picture: bytes) -> str:
    """Draw the factor where charts can be drawn, and say so."""
    try:
        content = plot_factor(sf.image_factor(picture))
    except PolicyError as missing:
        return f"not drawn  {missing}"
    write_whole_file(path, content, mode=0o644, overwrite=True)
    return f"drawn      {path}: image, derived image, similarity map, rows"


def _print_shares(title: str, times: sf.StageTimes) -> None:
    print(f"\n{title}: where the time goes")
    for stage, share in times.shares().items():
        print(f"  {stage:16}{'#' * round(BAR * share):{BAR}} {100 * share:5.1f} %")
