"""Pictures as they arrive: camera frames (arrays) and encoded files (bytes) become one `Frame`.

A frame holds the pixels as stored, never a converted copy; grayscale is fused into the next stage.
One written rule for everything that is not plain 8-bit gray or colour:

- JPEG in YCbCr or gray: the luma plane alone. Other JPEG (RGB, CMYK, YCCK): full decode to RGB.
- Palette and bilevel: expanded to 8 bits. Alpha: ignored, the colour channels count as stored.
- 16 bits per channel: the high byte. 32-bit integer, floating point, LAB, HSV: refused.
- EXIF orientation: ignored, pixels count as stored. Animated and multi-page files: the first frame.
- Truncated or undecodable files: refused.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from sealframe.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

    from sealframe.files import Buffer

Order: TypeAlias = Literal["gray", "rgb", "bgr", "rgba", "bgra"]

MAX_SIDE = 65_535
MAX_PIXELS = 1 << 26
MAX_FILE_BYTES = 1 << 28
BOMB_PIXELS = 1 << 24
BOMB_PIXELS_PER_BYTE = 512

_ORDER_NUMBERS: dict[Order, int] = {"gray": 0, "rgb": 1, "bgr": 2, "rgba": 3, "bgra": 4}
_ORDER_OF_NUMBER = {number: order for order, number in _ORDER_NUMBERS.items()}
_CHANNELS: dict[Order, int] = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4}
_ORDER_OF_CHANNELS: dict[int, Order] = {3: "rgb", 4: "rgba"}

_INFLATE_STEP = 1 << 18
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step across, step down of every pass of an interlaced PNG (PNG specification, 8.1)."""

_TOO_LARGE = f"The picture has more than {MAX_PIXELS >> 20} megapixels; scale the picture down first."

RAW_MAGIC = b"SFR1"
_RAW_HEADER = struct.Struct(">4sB3xII")
"""magic | number of the channel order | three zero bytes | width | height; then the rows, without padding."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame:
    """A picture in memory.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8, 0..255: (H, W) for the order "gray", else (H, W, 3) or (H, W, 4), channels as `order` names them.
    order : {"gray", "rgb", "bgr", "rgba", "bgra"}
        The channels.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array
    >>> frame_from_array(np.zeros((480, 640, 3), np.uint8))
    Frame(640x480 rgb)
    """

    pixels: NDArray[np.uint8]
    order: Order

    @property
    def height(self) -> int:
        """Rows, 1..65535."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns, 1..65535."""
        return int(self.pixels.shape[1])

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height} {self.order})"


def frame_from_array(array: object, order: Order | None = None) -> Frame:
    """Wrap an array as a frame without copying it.

    Parameters
    ----------
    array : numpy.ndarray
        uint8 (H, W), (H, W, 3) or (H, W, 4), 0..255, any strides; sides of 1 to 65535, at most 2^26 pixels.
    order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
        The channels; gray, RGB or RGBA by the array's shape.

    Returns
    -------
    Frame

    Raises
    ------
    TypeError
        When `array` is no array of uint8.
    ValueError
        When `order` is none of these.
    ImageError
        When the shape or size is outside the limits, or does not fit `order`.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array
    >>> frame_from_array(np.zeros((480, 640, 3), np.uint8), "bgr").order
    'bgr'
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"A frame must be a NumPy array of uint8, not {kind}; convert the array first.")
    gray = array.ndim == 2
    if not gray and (array.ndim != 3 or array.shape[2] not in _ORDER_OF_CHANNELS):
        raise ImageError("A frame must have the shape HxW, HxWx3 or HxWx4; reshape the array.")
    chosen = order or ("gray" if gray else _ORDER_OF_CHANNELS[array.shape[2]])
    if chosen not in _ORDER_NUMBERS:
        raise ValueError(f"order must be one of {', '.join(_ORDER_NUMBERS)}.")
    if _CHANNELS[chosen] != (1 if gray else array.shape[2]):
        raise ImageError(f'The order "{chosen}" does not fit an array of shape {array.shape}; choose another order.')
    _check_size(array.shape[1], array.shape[0])
    return Frame(array, chosen)


def frame_from_bytes(data: Buffer) -> Frame:
    """Read an encoded picture, or a raw frame as `raw_payload` writes it, for computing a factor.

    The pixels are those that the image factor is computed from: the luma plane alone of a YCbCr JPEG.

    Parameters
    ----------
    data : bytes-like
        JPEG, PNG, TIFF, WebP, BMP or a raw frame.

    Returns
    -------
    Frame

    Raises
    ------
    ImageError
        When the picture is damaged, too large or of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array, frame_from_bytes, raw_payload
    >>> frame_from_bytes(raw_payload(frame_from_array(np.zeros((480, 640, 3), np.uint8))))
    Frame(640x480 rgb)
    """
    view = memoryview(data).cast("B")
    if bytes(view[:4]) == RAW_MAGIC:
        return _frame_from_raw(view)
    picture = _open_picture(view)
    return _decoded(picture, luma=picture.format == "JPEG" and _is_luma_chroma(picture))


def frame_for_viewing(data: Buffer) -> Frame:
    """Read an encoded picture or a raw frame in colour, for looking at it.

    Parameters
    ----------
    data : bytes-like
        JPEG, PNG, TIFF, WebP, BMP or a raw frame.

    Returns
    -------
    Frame
        In the order "gray" or "rgb"; a raw frame in the order in which it was sealed.

    Raises
    ------
    ImageError
        When the picture is damaged, too large or of another kind.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from sealframe.image import frame_for_viewing
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (640, 480)).save(file, "JPEG")
    >>> frame_for_viewing(file.getvalue())
    Frame(640x480 rgb)
    """
    view = memoryview(data).cast("B")
    if bytes(view[:4]) == RAW_MAGIC:
        return _frame_from_raw(view)
    return _decoded(_open_picture(view), luma=False)


def rgb_pixels(frame: Frame) -> NDArray[np.uint8]:
    """Return a view of the pixels without alpha, in the order R, G, B.

    Parameters
    ----------
    frame : Frame
        The picture.

    Returns
    -------
    numpy.ndarray
        uint8, 0..255: (H, W) for gray, else (H, W, 3).

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array, rgb_pixels
    >>> rgb_pixels(frame_from_array(np.array([[[1, 2, 3]]], np.uint8), "bgr")).tolist()
    [[[3, 2, 1]]]
    """
    if frame.order == "gray":
        return frame.pixels
    return frame.pixels[..., 2::-1] if frame.order in {"bgr", "bgra"} else frame.pixels[..., :3]


def raw_payload(frame: Frame) -> memoryview:
    """Copy a frame into the bytes that are sealed.

    Parameters
    ----------
    frame : Frame
        The picture.

    Returns
    -------
    memoryview
        A header of 16 bytes, then the pixels, rows without padding.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array, raw_payload
    >>> len(raw_payload(frame_from_array(np.zeros((480, 640), np.uint8)))) == 16 + 480 * 640
    True
    """
    return raw_snapshot(frame)[0]


def raw_snapshot(frame: Frame) -> tuple[memoryview, Frame]:
    """Copy a frame into the bytes that are sealed, and return the frame that is read from them too.

    Parameters
    ----------
    frame : Frame
        The picture; it may change once it is copied.

    Returns
    -------
    tuple of (memoryview, Frame)
        As `raw_payload`, and a frame whose pixels lie in that memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.image import frame_from_array, raw_snapshot
    >>> payload, snapshot = raw_snapshot(frame_from_array(np.zeros((480, 640), np.uint8)))
    >>> snapshot
    Frame(640x480 gray)
    """
    memory = np.empty(_RAW_HEADER.size + frame.pixels.size, np.uint8)
    payload = memory.data
    _RAW_HEADER.pack_into(payload, 0, RAW_MAGIC, _ORDER_NUMBERS[frame.order], frame.width, frame.height)
    snapshot = memory[_RAW_HEADER.size :].reshape(frame.pixels.shape)
    np.copyto(snapshot, frame.pixels)
    return payload, Frame(snapshot, frame.order)


def read_picture_file(path: str | PathLike[str]) -> bytes:
    """Read the bytes of a picture file.

    Parameters
    ----------
    path : str or os.PathLike
        The file, at most 256 MiB.

    Returns
    -------
    bytes
        The file as it is.

    Raises
    ------
    ImageError
        When the file is missing, too large or cannot be read.

    Examples
    --------
    >>> from PIL import Image
    >>> from sealframe.image import read_picture_file
    >>> Image.new("RGB", (64, 48)).save("face.png")
    >>> read_picture_file("face.png")[1:4]
    b'PNG'
    """
    try:
        if not Path(path).is_file():
            raise ImageError(f"There is no picture file {str(path)!r}; check the path.")
        if Path(path).stat().st_size > MAX_FILE_BYTES:
            raise ImageError("The picture file is larger than 256 MiB; give a smaller picture.")
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"The picture file cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ImageError("The picture's path holds a character that is not allowed in paths; check the path.") from None


def _frame_from_raw(view: memoryview) -> Frame:
    if len(view) < _RAW_HEADER.size:
        raise ImageError("The raw frame is truncated inside its header; give the whole frame.")
    _, number, width, height = _RAW_HEADER.unpack_from(view)
    order = _ORDER_OF_NUMBER.get(number)
    if order is None or any(view[5:8]):
        raise ImageError("The raw frame's header is not valid; write the frame with raw_payload.")
    _check_size(width, height)
    channels = _CHANNELS[order]
    if len(view) - _RAW_HEADER.size != width * height * channels:
        raise ImageError("The raw frame's length does not fit its header; give the whole, unaltered frame.")
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = np.frombuffer(view, np.uint8, offset=_RAW_HEADER.size).reshape(shape)
    return Frame(pixels, order)


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ImageError(
            f"The picture is {width}x{height} pixels, but each side must be 1 to {MAX_SIDE}; scale the picture."
        )
    if width * height > MAX_PIXELS:
        raise ImageError(_TOO_LARGE)


def _format_of(view: memoryview) -> str:
    head = bytes(view[:12])
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    if head.startswith(b"RIFF") and head.endswith(b"WEBP"):
        return "WEBP"
    if head.startswith(b"BM"):
        return "BMP"
    raise ImageError("This is not a picture in a supported format; give a JPEG, PNG, TIFF, WebP or BMP file.")


def _open_picture(view: memoryview) -> PillowImage:
    """Read the header, and whether a PNG is whole: no pixel is allocated before the limits hold."""
    from PIL import Image

    kind = _format_of(view)
    try:
        with _strict_reading():
            picture = Image.open(io.BytesIO(view), formats=(kind,))
    except Image.DecompressionBombError:
        raise ImageError(_TOO_LARGE) from None
    except ImageError:
        raise
    except Exception:
        raise ImageError(f"The {kind} file is damaged or of an unsupported variety; save the picture again.") from None
    _check_size(*picture.size)
    pixels = picture.width * picture.height
    if pixels > BOMB_PIXELS and pixels > BOMB_PIXELS_PER_BYTE * len(view):
        raise ImageError(
            "The file may be a decompression bomb: too small for the size in its header; give another file."
        )
    if kind == "PNG":
        _check_png_is_complete(view, picture)
    return picture


class _WholeFilesOnly:
    """Keeps Pillow's switch for reading cut files off while pictures are read here, whatever the application chose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._chosen = False

    def enter(self) -> None:
        from PIL import ImageFile

        with self._lock:
            if not self._readers:
                self._chosen = ImageFile.LOAD_TRUNCATED_IMAGES
            self._readers += 1
            if self._chosen:
                ImageFile.LOAD_TRUNCATED_IMAGES = False

    def leave(self) -> None:
        """Give the switch back after the last reader; ImageError when it was turned on meanwhile."""
        from PIL import ImageFile

        with self._lock:
            self._readers -= 1
            turned_on = ImageFile.LOAD_TRUNCATED_IMAGES
            if self._chosen and not self._readers:
                ImageFile.LOAD_TRUNCATED_IMAGES = True
        if turned_on:
            raise ImageError(
                "Pillow's LOAD_TRUNCATED_IMAGES was changed while a picture was read; do not change this setting."
            )


_whole_files_only = _WholeFilesOnly()


@contextmanager
def _strict_reading() -> Iterator[None]:
    """Silence Pillow's warnings, and refuse truncated files."""
    _whole_files_only.enter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _whole_files_only.leave()


def _check_png_is_complete(view: memoryview, picture: PillowImage) -> None:
    """Count the bytes that the image data really hold: Pillow leaves missing rows black without a word."""
    depth, colour, interlaced = view[24], view[25], view[28]
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    grid = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    passes = [
        (len(range(left, picture.width, across)), len(range(top, picture.height, down)))
        for left, top, across, down in grid
    ]
    missing = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in passes if columns)
    inflate, position = zlib.decompressobj(), 8
    try:
        while missing > 0 and not inflate.eof:
            length = int.from_bytes(view[position : position + 4])
            if bytes(view[position + 4 : position + 8]) == b"IDAT":
                piece: bytes = bytes(view[position + 8 : position + 8 + length])
                while piece and missing > 0 and not inflate.eof:
                    missing -= len(inflate.decompress(piece, _INFLATE_STEP))
                    piece = inflate.unconsumed_tail
            position += 12 + length
            if position >= len(view):
                missing -= len(inflate.flush()) if not inflate.eof else 0
                break
    except zlib.error:
        raise ImageError("The PNG file is damaged: its pixels cannot be decoded. Give another file.") from None
    if missing > 0:
        raise ImageError("The PNG file holds fewer rows than its header says; give the whole, unaltered file.")


def _is_luma_chroma(picture: PillowImage) -> bool:
    """Whether libjpeg takes the file for gray or YCbCr: by JFIF, then Adobe's marker, then component ids."""
    if picture.mode == "L":
        return True
    if picture.mode != "RGB":
        return False
    if "jfif" in picture.info:
        return True
    if "adobe_transform" in picture.info:
        return bool(picture.info["adobe_transform"])
    components = cast("list[tuple[int, ...]]", getattr(picture, "layer", []))
    return bytes(component[0] & 255 for component in components) != b"RGB"


def _decoded(picture: PillowImage, *, luma: bool) -> Frame:
    try:
        with _strict_reading():
            if luma:
                picture.draft("L", None)
            picture.load()
            if luma and picture.mode != "L":
                raise ImageError("The luma plane of the JPEG file cannot be decoded alone; decode the whole picture.")
            pixels = _eight_bit_pixels(picture)
    except ImageError:
        raise
    except Exception:
        raise ImageError(
            f"The {picture.format} file is damaged or truncated: its pixels cannot be decoded. Give another file."
        ) from None
    return Frame(pixels, "gray" if pixels.ndim == 2 else "rgb")


def _eight_bit_pixels(picture: PillowImage) -> NDArray[np.uint8]:
    mode = picture.mode
    if mode in {"L", "RGB"}:
        return np.asarray(picture)
    if mode.startswith("I;16"):
        return (np.asarray(picture) >> 8).astype(np.uint8)
    if mode in {"1", "LA", "La"}:
        return np.asarray(picture.getchannel(0).convert("L"))
    if mode in {"RGBA", "RGBa", "RGBX"}:
        return np.ascontiguousarray(np.asarray(picture)[..., :3])
    if mode in {"P", "PA"}:
        return np.ascontiguousarray(np.asarray(picture.convert("RGBA"))[..., :3])
    if mode in {"CMYK", "YCbCr"}:
        return np.asarray(picture.convert("RGB"))
    raise ImageError(f"Pictures with {mode} pixels are not supported; convert the picture to 8-bit gray or RGB.")
