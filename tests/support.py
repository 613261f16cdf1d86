"""Synthetic pictures for tests: written here, so that no test depends on files it does not have."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent
_HEADER = "onnxruntime_c_api.h"


def onnxruntime_headers() -> Path | None:
    """Folder of the C header: ONNXRUNTIME_INCLUDE_DIR, what packaging/debian.py unpacked, or the system's."""
    places = [Path(os.environ.get("ONNXRUNTIME_INCLUDE_DIR", "nowhere"))]
    roots = [ROOT / "build/onnxruntime/usr/include", Path("/usr/include"), Path("/usr/local/include")]
    places += [root / below for root in roots for below in ("onnxruntime", ".")]
    return next((place for place in places if (place / _HEADER).is_file()), None)


def onnxruntime_library() -> Path:
    """The library inside Python's onnxruntime."""
    import onnxruntime

    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    return library


def synthetic_frame(height: int, width: int, seed: int = 1) -> np.ndarray:
    """RGB with gradients, edges and noise, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 60 + 120 * x / max(width, 1) + 40 * np.sin(y / 9) + 60 * ((x // 37 + y // 23) % 2)
    return (base[..., None] + [0, 10, -15] + rng.normal(0, 6, (height, width, 3))).clip(0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of this kind."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def write_synthetic_pictures(folder: Path) -> list[Path]:
    """One file per format and pixel kind, then damaged ones."""
    rgb = Image.fromarray(synthetic_frame(67, 91))
    gray = rgb.convert("L")
    deep = Image.fromarray(np.asarray(gray, np.uint16) * 257)
    wide = Image.fromarray(np.asarray(gray, np.int32) * 65_537)
    files = {
        "rgb.jpg": encoded(rgb, "JPEG", quality=90),
        "gray.jpg": encoded(gray, "JPEG"),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "rgb_kept.jpg": encoded(rgb, "JPEG", keep_rgb=True),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "turned.jpg": encoded(rgb, "JPEG", exif=_orientation(6)),
        "rgb.png": encoded(rgb, "PNG"),
        "rgba.png": encoded(rgb.convert("RGBA"), "PNG"),
        "la.png": encoded(gray.convert("LA"), "PNG"),
        "palette.png": encoded(rgb.quantize(16), "PNG"),
        "palette_clear.png": encoded(rgb.quantize(16), "PNG", transparency=bytes(range(16))),
        "bilevel.png": encoded(gray.convert("1"), "PNG"),
        "sixteen.png": encoded(deep, "PNG"),
        "sixteen.tif": encoded(deep, "TIFF"),
        "float.tif": encoded(gray.convert("F"), "TIFF"),
        "integer32.tif": encoded(wide, "TIFF"),
        "pages.tif": encoded(gray, "TIFF", save_all=True, append_images=[gray.rotate(90)]),
        "picture.webp": encoded(rgb, "WEBP", lossless=True),
        "moving.webp": encoded(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], lossless=True),
        "picture.bmp": encoded(rgb, "BMP"),
        "one.png": encoded(rgb.crop((0, 0, 1, 1)), "PNG"),
        "empty.jpg": b"",
        "text.png": b"this is no picture",
    }
    for name in ("rgb.jpg", "rgb.png", "sixteen.tif", "picture.webp", "picture.bmp"):
        files[f"cut_{name}"] = files[name][: len(files[name]) * 2 // 3]
    paths = []
    for name, content in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif
