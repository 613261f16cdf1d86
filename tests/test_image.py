"""Pictures in (M1, M2) and what bad ones get (A1-A7, A9, A10).

Covers A2, A3, A4, A5, A6, A11, A45.
"""

from __future__ import annotations

import io
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from sealframe.errors import ImageError
from sealframe.image import (
    Frame,
    frame_for_viewing,
    frame_from_array,
    frame_from_bytes,
    raw_payload,
    read_picture_file,
    rgb_pixels,
)
from tests.support import encoded, synthetic_frame

RGB = synthetic_frame(67, 91)
GRAY = RGB[..., 1].copy()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b"")


def test_m1_array_file_and_bytes_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(RGB, "PNG"))
    from_file = frame_from_bytes(read_picture_file(path))
    assert from_file.order == frame_from_array(RGB).order == "rgb"
    assert np.array_equal(from_file.pixels, frame_from_array(RGB).pixels)


def test_every_readable_file_reads_and_every_other_gets_a_sentence(picture_files: list[Path]) -> None:
    unsupported = {"float.tif", "integer32.tif"}
    for path in picture_files:
        content = path.read_bytes()
        try:
            with Image.open(path) as picture:
                picture.load()
            readable = path.name not in unsupported
        except Exception:
            readable = False
        if readable:
            assert frame_from_bytes(content).pixels.dtype == np.uint8, path
            assert frame_for_viewing(content).pixels.shape[:2] == frame_from_bytes(content).pixels.shape[:2]
        else:
            with pytest.raises(ImageError, match=r"[a-z].*[.]$"):
                frame_from_bytes(content)


def test_jpeg_luma_is_the_y_plane_alone() -> None:
    content = encoded(RGB, "JPEG", quality=88, subsampling=2)
    with Image.open(__import__("io").BytesIO(content)) as picture:
        picture.draft("YCbCr", None)
        y_plane = np.asarray(picture)[..., 0]
    assert np.array_equal(frame_from_bytes(content).pixels, y_plane)


def test_a1_decompression_bomb_is_refused_from_its_header() -> None:
    bomb = png(8100, 8100, bytes(8101 * 8100))
    assert len(bomb) < 80_000
    with pytest.raises(ImageError, match="bomb"):
        frame_from_bytes(bomb)
    with pytest.raises(ImageError, match="megapixels"):
        frame_from_bytes(png(16_000, 16_000, b""))


@pytest.mark.parametrize("read", [frame_from_bytes, frame_for_viewing])
def test_a2_header_that_lies(read: Callable[[bytes], object]) -> None:
    with pytest.raises(ImageError, match="fewer rows"):
        read(png(640, 480, bytes(641 * 20)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.97])
def test_a3_truncated_files(kind: str, share: float) -> None:
    content = encoded(RGB, kind)
    with pytest.raises(ImageError):
        frame_from_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_a3_an_application_that_reads_truncated_files_changes_nothing_here(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(RGB, kind)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert frame_from_bytes(content).width == RGB.shape[1]
    for unreadable in (content[: len(content) // 2], content[: len(content) * 9 // 10]):
        for read in (frame_from_bytes, frame_for_viewing):
            with pytest.raises(ImageError):
                read(unreadable)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_a3_a_switch_that_is_turned_on_while_a_picture_is_read_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)

    def turn_on(*_: object) -> None:
        ImageFile.LOAD_TRUNCATED_IMAGES = True

    monkeypatch.setattr(JpegImageFile, "draft", turn_on)
    with pytest.raises(ImageError, match="LOAD_TRUNCATED_IMAGES"):
        frame_from_bytes(encoded(RGB, "JPEG"))


def test_a4_empty_arrays_and_negative_strides() -> None:
    for shape in ((0, 5), (5, 0), (0, 0, 3)):
        with pytest.raises(ImageError):
            frame_from_array(np.zeros(shape, np.uint8))
    upside_down = frame_from_array(RGB[::-1, ::-1])
    assert bytes(raw_payload(upside_down))[16:] == RGB[::-1, ::-1].tobytes()


def test_a5_one_pixel() -> None:
    assert frame_from_bytes(encoded(RGB[:1, :1], "PNG")).pixels.shape == (1, 1, 3)
    assert frame_from_array(np.zeros((1, 1), np.uint8)).order == "gray"


def test_a6_sizes_that_would_overflow() -> None:
    for width, height in ((65_535, 65_535), (65_536, 1), (2**32 - 1, 2**32 - 1), (0, 7)):
        header = struct.pack(">4sB3xII", b"SFR1", 0, width, height)
        with pytest.raises(ImageError):
            frame_from_bytes(header + bytes(64))
    with pytest.raises(ImageError, match="megapixels"):
        frame_from_array(np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (60_000, 60_000), (0, 0)))


def test_a7_sixteen_bit_takes_the_high_byte() -> None:
    deep = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(frame_from_bytes(encoded(deep, kind)).pixels, deep >> 8)


def test_a7_float_and_32_bit_are_refused() -> None:
    for mode in ("F", "I"):
        with pytest.raises(ImageError, match="not supported"):
            frame_from_bytes(encoded(Image.fromarray(GRAY).convert(mode), "TIFF"))


def test_a7_cmyk_and_rgb_jpeg_decode_in_full() -> None:
    for options in ({"mode": "CMYK"}, {"keep_rgb": True}):
        picture = Image.fromarray(RGB).convert(str(options.pop("mode", "RGB")))
        assert frame_from_bytes(encoded(picture, "JPEG", **options)).order == "rgb"


def test_a7_palette_expands_and_alpha_is_ignored() -> None:
    palette = Image.fromarray(RGB).quantize(16)
    plain = np.asarray(palette.convert("RGB"))
    assert np.array_equal(frame_from_bytes(encoded(palette, "PNG")).pixels, plain)
    clear = encoded(palette, "PNG", transparency=bytes(range(16)))
    assert np.array_equal(frame_from_bytes(clear).pixels, plain)
    veiled = np.dstack([RGB, np.arange(RGB[..., 0].size).reshape(RGB.shape[:2]).astype(np.uint8)])
    assert np.array_equal(frame_from_bytes(encoded(veiled, "PNG")).pixels, RGB)


def test_a7_exif_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(RGB, "JPEG", exif=exif)
    assert frame_from_bytes(content).pixels.shape == frame_for_viewing(content).pixels.shape[:2] == RGB.shape[:2]


def test_a7_animated_and_multi_page_take_the_first_frame() -> None:
    first, second = Image.fromarray(GRAY), Image.fromarray(GRAY[::-1].copy())
    pages = encoded(first, "TIFF", save_all=True, append_images=[second])
    assert np.array_equal(frame_from_bytes(pages).pixels, GRAY)
    moving = encoded(first.convert("RGB"), "WEBP", save_all=True, append_images=[second.convert("RGB")], lossless=True)
    assert np.array_equal(frame_from_bytes(moving).pixels[..., 0], GRAY)


def test_a8_a_file_is_what_its_first_bytes_say_and_nothing_else() -> None:
    """A picture that is an archive or a page at its end is read as the picture; the reverse is no picture."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.sh", "echo")
    for kind in ("JPEG", "PNG"):
        picture = encoded(RGB, kind)
        for tail in (archive.getvalue(), b"<script>alert(1)</script>", encoded(RGB[::-1], "PNG")):
            assert np.array_equal(frame_from_bytes(picture + tail).pixels, frame_from_bytes(picture).pixels)
            for head in (tail, b"GIF89a", b"%PDF-1.7\n", b" "):
                if head[:4] != b"\x89PNG":
                    with pytest.raises(ImageError):
                        frame_from_bytes(head + picture)
    with pytest.raises(ImageError):
        frame_from_bytes(encoded(RGB, "PNG")[:8] + encoded(RGB, "JPEG"))
    with pytest.raises(ImageError):
        frame_from_bytes(b"\xff\xd8\xff" + encoded(RGB, "PNG"))


def test_a9_sealing_pixels_carries_no_metadata() -> None:
    assert bytes(raw_payload(frame_from_array(RGB)))[16:] == RGB.tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        GRAY.astype(np.uint16),
        GRAY.astype(np.float32),
        GRAY.astype(object),
        GRAY.astype(">u2"),
        GRAY.tolist(),
        None,
    ],
)
def test_a10_other_dtypes_are_type_errors(wrong: object) -> None:
    with pytest.raises(TypeError):
        frame_from_array(wrong)


@pytest.mark.parametrize("view", [RGB[::2, ::3], np.asfortranarray(RGB), RGB.transpose(1, 0, 2), RGB[..., ::-1]])
def test_a10_any_layout_is_snapshotted_right(view: np.ndarray) -> None:
    frozen = view.view()
    frozen.flags.writeable = False
    assert np.array_equal(frame_from_bytes(raw_payload(frame_from_array(frozen))).pixels, view)


def test_a11_the_snapshot_does_not_follow_the_array() -> None:
    pixels = GRAY.copy()
    payload = raw_payload(frame_from_array(pixels))
    changer = threading.Thread(target=pixels.fill, args=(0,))
    changer.start()
    changer.join()
    assert np.array_equal(frame_from_bytes(payload).pixels, GRAY)


def test_wrong_shapes_and_orders() -> None:
    with pytest.raises(ImageError):
        frame_from_array(np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(ImageError):
        frame_from_array(GRAY, "rgb")
    with pytest.raises(ValueError, match="order"):
        frame_from_array(RGB, "hsv")  # type: ignore[arg-type]
    assert frame_from_array(RGB, "bgr").order == "bgr"


def test_raw_frames_round_trip_and_refuse_every_truncation() -> None:
    payload = bytes(raw_payload(frame_from_array(RGB[:3, :4], "bgr")))
    again = frame_from_bytes(payload)
    assert (again.order, repr(again)) == ("bgr", "Frame(4x3 bgr)")
    for length in range(4, len(payload)):
        with pytest.raises(ImageError):
            frame_from_bytes(payload[:length])
    with pytest.raises(ImageError):
        frame_from_bytes(payload + b"\0")
    with pytest.raises(ImageError):
        frame_from_bytes(payload[:5] + b"\1" + payload[6:])


def test_rgb_pixels_puts_every_order_right() -> None:
    rgba = np.dstack([RGB, RGB[..., 0]])
    for pixels, order in ((RGB, "rgb"), (RGB[..., ::-1], "bgr"), (rgba, "rgba"), (rgba[..., [2, 1, 0, 3]], "bgra")):
        assert np.array_equal(rgb_pixels(frame_from_array(pixels, order)), RGB)
    assert rgb_pixels(frame_from_array(GRAY)).shape == GRAY.shape


def test_a45_repr_shows_no_pixel() -> None:
    assert repr(Frame(GRAY, "gray")) == "Frame(91x67 gray)"


def test_missing_file_and_folder_are_sentences(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path, Path("a\0b")):
        with pytest.raises(ImageError, match=r"[.]$"):
            read_picture_file(path)
