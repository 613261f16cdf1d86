"""Acquisition: pictures and frames from where they are, in the forms that `Sealer.seal` takes.

Reading from an address is off unless limits are given. It never reaches hosts of a private network unless these allow
it: the address is resolved once, checked, and the connection goes to the checked address.
"""

from __future__ import annotations

import io
import time
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast
from urllib.parse import quote, urljoin, urlsplit

import numpy as np

from sealframe.errors import ImageError, PolicyError
from sealframe.image import MAX_FILE_BYTES, frame_for_viewing, read_picture_file

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from http.client import HTTPResponse
    from types import TracebackType

    from _typeshed import WriteableBuffer
    from numpy.typing import NDArray

_SCHEMES = {"http": 80, "https": 443}
_REDIRECTS = {301, 302, 303, 307, 308}
_KEPT = "/%:;=&?@!$'()*+,~"
"""What an address may hold as it is; all else is spelled in percent signs, as browsers do."""
_IPV4_INSIDE = {bytes(12), bytes.fromhex("0064ff9b") + bytes(8)}
"""IPv6 prefixes under which an IPv4 host is reached: IPv4-compatible addresses, and NAT64 (RFC 6052)."""
_CHUNK = 1 << 16
PICTURE_ENDINGS = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class AddressLimits:
    """What may be read from http and https addresses.

    Parameters
    ----------
    max_bytes : int
        Size of the largest picture.
    timeout_s : float
        Seconds for the whole of a read, redirects included.
    max_redirects : int
        How many redirects are followed.
    allow_private : bool
        Whether hosts of private, local and other special networks may be asked.

    Examples
    --------
    >>> import sealframe as sf
    >>> limits = sf.AddressLimits(max_bytes=1 << 20, timeout_s=3)
    >>> sf.read_image("http://127.0.0.1/face.jpg", addresses=limits)
    Traceback (most recent call last):
    sealframe.errors.PolicyError: ...
    """

    max_bytes: int = 1 << 25
    timeout_s: float = 10.0
    max_redirects: int = 3
    allow_private: bool = False


def read_image(
    source: str | PathLike[str] | bytes | bytearray | memoryview | _Readable | NDArray[np.uint8],
    *,
    addresses: AddressLimits | None = None,
) -> bytes | NDArray[np.uint8]:
    """Read a picture from a path, bytes, a file object, an array or an address.

    Parameters
    ----------
    source : str, os.PathLike, bytes-like, binary file object or numpy.ndarray
        Where the picture is. Bytes may come from a database column. A str that begins with http:// or https:// is an
        address.
    addresses : AddressLimits, optional
        What may be read from addresses; without, none are read.

    Returns
    -------
    bytes or numpy.ndarray
        The bytes of the file as they are, or the array itself; `Sealer.seal` takes either.

    Raises
    ------
    ImageError
        When the picture cannot be read.
    PolicyError
        When an address is not allowed.
    TypeError
        When `source` is something else.

    Examples
    --------
    >>> import sealframe as sf
    >>> from PIL import Image
    >>> Image.new("RGB", (64, 48)).save("face.png")
    >>> len(sf.image_factor(sf.read_image("face.png")).bytes)
    800
    """
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        if addresses is None:
            raise PolicyError(
                "Pictures are not read from addresses by default; pass AddressLimits to allow this address."
            )
        return _fetch(source, addresses)
    if isinstance(source, str | PathLike):
        return read_picture_file(source)
    if hasattr(source, "read"):
        return _read_all(source)
    raise TypeError(f"A picture must be a path, bytes, file object, array or address, not {type(source).__name__}.")


def frames(source: int | str | PathLike[str] | Iterable[str | PathLike[str]]) -> FrameStream:
    """Read frames from a camera, a video file, a folder of pictures, or a sequence of picture files.

    Use it in a `with` block, or iterate. The device is released at the end, on an error, and when the stream is closed
    or forgotten. Cameras and videos need the extra `terminal`.

    Parameters
    ----------
    source : int, str, os.PathLike or iterable of str or os.PathLike
        The camera's index from 0, the video file or folder, or the picture files.

    Returns
    -------
    FrameStream
        An iterator of frames, uint8 (H, W, 3), 0..255, in the order "bgr".

    Raises
    ------
    ImageError
        When the source is missing or cannot be opened; a picture that cannot be read raises it when its turn comes.

    Examples
    --------
    >>> import sealframe as sf
    >>> from PIL import Image
    >>> Image.new("RGB", (64, 48)).save("first.png")
    >>> with sf.frames(["first.png"]) as stream:
    ...     for frame in stream:
    ...         print(frame.shape)
    (48, 64, 3)
    """
    if isinstance(source, int):
        if source < 0:  # OpenCV ends the process
            raise ImageError(f"There is no camera {source}; cameras are numbered from 0.")
        return _captured(int(source))
    if not isinstance(source, str | PathLike):
        return FrameStream(map(_read_bgr, source))
    path = Path(source)
    if path.is_dir():
        return FrameStream(
            map(_read_bgr, sorted(one for one in path.iterdir() if one.suffix.lower() in PICTURE_ENDINGS))
        )
    if not path.exists():  # OpenCV would ask the network for what looks like an address
        raise ImageError(f"There is no video file or folder {str(source)!r}; check the path.")
    return _captured(str(path.absolute()))


class FrameStream:
    """An iterator of frames that releases its device when it ends; `frames` makes one.

    Parameters
    ----------
    pictures : iterator of numpy.ndarray
        Frames, uint8 (H, W, 3), 0..255, in the order "bgr".
    release : callable
        Called once when the stream ends.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.acquisition import FrameStream
    >>> pictures = iter([np.zeros((48, 64, 3), np.uint8)])
    >>> with FrameStream(pictures, lambda: print("released")) as stream:
    ...     print(next(stream).shape)
    (48, 64, 3)
    released
    """

    def __init__(self, pictures: Iterator[NDArray[np.uint8]], release: Callable[[], object] = lambda: None) -> None:
        self._pictures = pictures
        self._release = release

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> NDArray[np.uint8]:
        try:
            return next(self._pictures)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the stream and release the device."""
        release, self._release, self._pictures = self._release, lambda: None, iter(())
        release()


def _captured(source: int | str) -> FrameStream:
    try:
        import cv2
    except ImportError:
        raise ImageError("Cameras and videos need OpenCV: pip install 'sealframe[terminal]'.") from None
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        capture.release()
        raise ImageError(
            f"The camera or video {source} cannot be opened; check that the device is connected and not in use."
        )
    return FrameStream(_all_of(capture), capture.release)


def _all_of(capture: Any) -> Iterator[NDArray[np.uint8]]:
    more, pixels = capture.read()
    while more:
        yield pixels
        more, pixels = capture.read()


def _read_bgr(path: str | PathLike[str]) -> NDArray[np.uint8]:
    try:
        pixels = frame_for_viewing(read_picture_file(path)).pixels
    except ImageError as error:
        raise ImageError(f"{Path(path)}: {error}") from None
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, 2::-1])


def _read_all(file: Any) -> bytes:
    """Until there is no more: pipes and other unbuffered files give less at a time than is asked for."""
    pieces: list[bytes] = []
    size = 0
    while size <= MAX_FILE_BYTES:
        piece = file.read(MAX_FILE_BYTES + 1 - size)
        if not isinstance(piece, bytes):
            raise TypeError("The file object returned no bytes; open the file in binary mode and blocking.")
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise ImageError("The picture file is larger than 256 MiB; give a smaller picture.")


# Addresses


def _fetch(address: str, limits: AddressLimits) -> bytes:
    from http.client import HTTPException

    deadline = time.monotonic() + limits.timeout_s
    for _ in range(limits.max_redirects + 1):
        try:
            content, target = _ask(address, limits, deadline)
        except (OSError, HTTPException):
            raise ImageError(
                "The server at the picture's address did not answer correctly; try again, or give another address."
            ) from None
        if content is not None:
            return content
        if address.lower().startswith("https:") and not target.lower().startswith("https:"):
            raise PolicyError("The picture's address redirects from https to http; give the final https address.")
        address = target
    raise PolicyError("The picture's address redirects too often; give the final address.")


def _ask(address: str, limits: AddressLimits, deadline: float) -> tuple[bytes | None, str]:
    """The content, or None and where to go on."""
    from http.client import HTTPConnection

    scheme, host, port, target = _parse(address)
    raw = _dial(_checked(_look_up(host, port, deadline), limits), port, deadline)
    with _secured(raw, host if scheme == "https" else None) as stream:
        connection = HTTPConnection(host, port)
        connection.sock = cast("socket.socket", _TimedSocket(stream, deadline))
        connection.request("GET", target, headers={"Accept": "image/*", "User-Agent": "sealframe"})
        response = connection.getresponse()
        if response.status in _REDIRECTS:
            return None, urljoin(address, response.getheader("Location", ""))
        if response.status != 200:
            raise ImageError(f"The picture's address answered with HTTP status {response.status}; check the address.")
        return _read_within(response, limits), ""


def _look_up(host: str, port: int, deadline: float) -> list[str]:
    """The network addresses of a host. The system's resolver keeps no deadline, so a thread that is late is left."""
    import socket
    from threading import Thread

    found: list[str] = []

    def resolve() -> None:
        with suppress(OSError, UnicodeError):  # the latter for labels that no name can have
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    resolver = Thread(target=resolve, name="sealframe-resolver", daemon=True)
    resolver.start()
    resolver.join(_seconds_left(deadline))
    if resolver.is_alive() or not found:
        raise OSError
    return found


def _checked(found: list[str], limits: AddressLimits) -> list[str]:
    """These network addresses, if all of them are allowed."""
    if not limits.allow_private and not all(map(_is_public, found)):
        raise PolicyError("The picture's address is in a private network, which is not allowed; give a public address.")
    return found


def _secured(raw: socket.socket, host: str | None) -> socket.socket:
    """The connection under TLS for `host`, or as it is for None."""
    import ssl

    if host is None:
        return raw
    try:
        return ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise


def _dial(hosts: list[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first of these that answers."""
    import socket

    for host in hosts[:-1]:
        with suppress(OSError):
            return socket.create_connection((host, port), timeout=_seconds_left(deadline))
    return socket.create_connection((hosts[-1], port), timeout=_seconds_left(deadline))


def _parse(address: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, and what to ask the host for, all in ASCII."""
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
        target = quote(parts.path or "/", _KEPT) + (f"?{quote(parts.query, _KEPT)}" if parts.query else "")
    except ValueError:
        raise ImageError("The picture's address is not valid; give http:// or https:// and a host.") from None
    if parts.scheme not in _SCHEMES or not host or parts.username is not None:
        raise PolicyError("A picture's address must be http or https, with a host and without a user name.")
    return parts.scheme, host, port or _SCHEMES[parts.scheme], target


def _is_public(host: str) -> bool:
    from ipaddress import IPv4Address, IPv6Address, ip_address

    address = ip_address(host.split("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if isinstance(address, IPv6Address) and address.packed[:12] in _IPV4_INSIDE:
        address = IPv4Address(address.packed[12:])
    return address.is_global and not address.is_multicast


def _read_within(response: HTTPResponse, limits: AddressLimits) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > limits.max_bytes:
            raise ImageError(
                f"The picture at the address has more than {limits.max_bytes} bytes; give a smaller picture."
            )
    announced = response.getheader("Content-Length")
    if announced is not None and announced != str(len(content)):
        raise ImageError("The picture from the address was truncated; try again.")
    return bytes(content)


class _TimedSocket:
    """The part of a socket that HTTPConnection uses, with one deadline over all reads: slow drops do not extend it.

    HTTPConnection closes its socket before the response has been read; whoever made the stream closes it.
    """

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self.sendall = stream.sendall

    def close(self) -> None:
        """See above."""

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  (HTTPResponse asks for "rb")
        return io.BufferedReader(_TimedReads(self._stream, self._deadline))


class _TimedReads(io.RawIOBase):
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._stream.settimeout(_seconds_left(self._deadline))
        return self._stream.recv_into(buffer)


def _seconds_left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
