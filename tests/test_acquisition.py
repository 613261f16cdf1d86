"""Pictures and frames from everywhere (M1), and addresses that must not be asked."""

from __future__ import annotations

import io
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sealframe import acquisition
from sealframe.acquisition import AddressLimits, frames, read_image
from sealframe.errors import ImageError, PolicyError
from tests.support import encoded, synthetic_frame

PICTURE = encoded(synthetic_frame(20, 30), "PNG")
HERE = AddressLimits(allow_private=True, timeout_s=5)


def test_m1_a_picture_comes_from_a_path_bytes_a_file_an_array_or_a_database(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    with path.open("rb") as file:
        assert read_image(file) == PICTURE
    database = sqlite3.connect(":memory:")
    row = database.execute("SELECT ?", (PICTURE,)).fetchone()
    database.close()
    for source in (path, str(path), PICTURE, bytearray(PICTURE), memoryview(PICTURE), io.BytesIO(PICTURE), row[0]):
        assert read_image(source) == PICTURE
    array = synthetic_frame(4, 5)
    assert read_image(array) is array


def test_m1_a_file_object_is_read_to_its_end_however_little_it_gives_at_a_time() -> None:
    reading, writing = os.pipe()
    picture = encoded(synthetic_frame(200, 300), "BMP")  # more than a pipe holds

    def write() -> None:
        with os.fdopen(writing, "wb") as out:
            out.write(picture)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0) as file:
        assert read_image(file) == picture
    writer.join()


def test_what_is_no_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (5, None, io.StringIO("text")):
        with pytest.raises(TypeError):
            read_image(wrong)  # type: ignore[arg-type]
    with pytest.raises(ImageError):
        read_image(tmp_path / "absent.png")
    monkeypatch.setattr(acquisition, "MAX_FILE_BYTES", 10)
    with pytest.raises(ImageError, match="larger"):
        read_image(io.BytesIO(PICTURE))


# Addresses

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A server of this test: path to answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answers[self.path](self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def content(body: bytes, length: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirect(target: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()

    return answer


def test_m1_a_picture_comes_from_an_address_where_that_is_allowed(site: Site) -> None:
    site.answers["/a.png?size=1"] = content(PICTURE)
    site.answers["/moved"] = redirect("a.png?size=1")
    for path in ("/a.png?size=1", "/moved"):
        assert read_image(site.base + path, addresses=HERE) == PICTURE
    with pytest.raises(PolicyError, match="by default"):
        read_image(site.base + "/a.png?size=1")


def test_a_private_network_is_not_asked(site: Site) -> None:
    for address in (site.base, "http://localhost/", "http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/"):
        with pytest.raises(PolicyError, match="private"):
            read_image(address, addresses=AddressLimits())
    for host in ("127.0.0.1", "::1", "::ffff:10.0.0.1", "2002:7f00:1::", "fe80::1%eth0", "224.0.0.1", "0.0.0.0"):
        assert not acquisition._is_public(host)
    assert acquisition._is_public("9.9.9.9")
    assert acquisition._is_public("2620:fe::fe")


def test_a_redirect_into_a_private_network_is_not_followed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host counts as public here; the one it leads to does not."""
    port = site.server.server_port
    site.answers["/"] = redirect(f"http://localhost:{port}/secret")
    site.answers["/secret"] = content(PICTURE)
    monkeypatch.setattr(acquisition, "_is_public", lambda host: True)
    assert read_image(site.base, addresses=AddressLimits()) == PICTURE
    asked: list[str] = []
    monkeypatch.setattr(acquisition, "_is_public", lambda host: asked.append(host) or len(asked) == 1)
    with pytest.raises(PolicyError, match="private"):
        read_image(site.base, addresses=AddressLimits())


def test_the_connection_goes_to_the_address_that_was_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves differently the second time gains nothing: it is resolved once."""
    site.answers["/"] = content(PICTURE)
    lookups = []

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect_without_lookup)
    address = f"http://pictures.example:{site.server.server_port}/"
    assert read_image(address, addresses=HERE) == PICTURE
    assert lookups == ["pictures.example"]


def connect_without_lookup(target: tuple[str, int], timeout: float) -> socket.socket:
    assert target[0] == "127.0.0.1"
    connection = socket.socket()
    connection.settimeout(timeout)
    connection.connect(target)
    return connection


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://user:secret@127.0.0.1/",
        "https://@/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        f"http://{'a' * 64}.example/",
        "http://a..b/",
        "http://\u2028/",
        "http://\u2024/",
        "http://127.0.0.1\0/",
    ],
)
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises((PolicyError, ImageError)):
        read_image(address, addresses=HERE)


def test_limits_of_size_redirects_and_status_hold(site: Site) -> None:
    site.answers["/large"] = content(bytes(2000))
    site.answers["/cut"] = content(PICTURE, len(PICTURE) + 5)
    site.answers["/round"] = redirect("/round")
    site.answers["/elsewhere"] = redirect("file:///etc/passwd")
    site.answers["/missing"] = lambda handler: handler.send_error(404)
    limits = AddressLimits(max_bytes=1000, allow_private=True, timeout_s=5)
    for path, error, reason in (
        ("/large", ImageError, "more than 1000"),
        ("/round", PolicyError, "too often"),
        ("/elsewhere", PolicyError, "http or https"),
        ("/missing", ImageError, "404"),
    ):
        with pytest.raises(error, match=reason):
            read_image(site.base + path, addresses=limits)
    with pytest.raises(ImageError, match=r"truncated|did not answer"):
        read_image(site.base + "/cut", addresses=HERE)


def test_an_address_may_hold_spaces_and_letters_of_any_script(site: Site) -> None:
    site.answers["/a%20b/%C3%BC%2F.png?q=%C3%A9%201"] = content(PICTURE)
    assert read_image(site.base + "/a b/ü%2F.png?q=é 1", addresses=HERE) == PICTURE


@pytest.mark.parametrize(
    "host", ["64:ff9b::a00:1", "64:ff9b::7f00:1", "::127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::"]
)
def test_an_ipv6_address_does_not_hide_a_private_one(host: str) -> None:
    with pytest.raises(PolicyError, match="private network"):
        read_image(f"http://[{host}]/", addresses=AddressLimits())


def test_a_slow_look_up_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over, waited_out = threading.Event(), threading.Event()

    def look_up(*_: Any, **__: Any) -> list[Any]:
        if not over.wait(20):
            waited_out.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ImageError, match="did not answer"):
        read_image("http://pictures.example/", addresses=AddressLimits(timeout_s=0.2))
    assert not waited_out.is_set()
    over.set()


def test_https_does_not_lead_to_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquisition, "_ask", lambda *_: (None, "http://pictures.example/"))
    with pytest.raises(PolicyError, match="https to http"):
        read_image("https://pictures.example/", addresses=HERE)


def test_https_needs_a_certificate_that_holds(site: Site) -> None:
    with pytest.raises(ImageError, match="did not answer"):
        read_image(site.base.replace("http:", "https:"), addresses=HERE)


def test_one_deadline_covers_the_slowest_server(site: Site) -> None:
    """It drips one header byte at a time, each well within any pause between two bytes."""
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(200):
            if stop.wait(0.02):
                return
            try:
                handler.wfile.write(b"H")
            except OSError:
                return

    site.answers["/"] = drip
    with pytest.raises(ImageError, match="did not answer"):
        read_image(site.base, addresses=AddressLimits(timeout_s=0.3, allow_private=True))
    stop.set()
    with pytest.raises(ImageError, match="did not answer"):
        read_image(site.base, addresses=AddressLimits(timeout_s=0, allow_private=True))


# Frames


class Camera:
    """Stands for cv2.VideoCapture."""

    made: list[Camera]

    def __init__(self, source: object) -> None:
        self.source, self.left, self.released = source, 3, 0
        Camera.made.append(self)

    def isOpened(self) -> bool:  # noqa: N802
        return self.source != 9

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        if self.source == 7:
            raise RuntimeError("unplugged")
        return (True, np.zeros((2, 3, 3), np.uint8)) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[Camera]:
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(VideoCapture=Camera))
    Camera.made = []
    return Camera.made


def test_m1_frames_come_from_a_camera_until_it_ends(cameras: list[Camera]) -> None:
    assert [frame.shape for frame in frames(0)] == [(2, 3, 3)] * 3
    assert (cameras[0].source, cameras[0].released) == (0, 1)


def test_m1_a_video_file_is_given_by_its_path(cameras: list[Camera], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert len(list(frames(tmp_path / "a.mp4"))) == 3
    assert cameras[0].source == str(tmp_path / "a.mp4")


@pytest.mark.parametrize("source", [-1, "absent.mp4", "http://127.0.0.1/a.mp4", "tcp://127.0.0.1:9/a", "\0"])
def test_what_is_no_camera_and_no_video_never_reaches_opencv(cameras: list[Camera], source: Any) -> None:
    with pytest.raises(ImageError):
        frames(source)
    assert cameras == []


def test_the_camera_is_released_on_every_exit(cameras: list[Camera]) -> None:
    with frames(0) as stream:
        next(stream)
    with pytest.raises(KeyError), frames(0) as stream:
        raise KeyError
    for _ in frames(0):
        break
    frames(0).close()
    frames(0)
    with pytest.raises(RuntimeError):
        next(frames(7))
    with pytest.raises(ImageError, match="cannot be opened"):
        frames(9)
    assert [camera.released for camera in cameras] == [1] * 7
    with pytest.raises(StopIteration):
        next(stream)


def test_without_opencv_a_camera_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImageError, match="terminal"):
        frames(0)


def test_m1_frames_come_from_a_folder_or_a_sequence_in_order(tmp_path: Path) -> None:
    red, gray = np.zeros((2, 2, 3), np.uint8), np.full((3, 3), 90, np.uint8)
    red[..., 0] = 200
    (tmp_path / "b.PNG").write_bytes(encoded(red, "PNG"))
    (tmp_path / "a.png").write_bytes(encoded(gray, "PNG"))
    (tmp_path / "notes.txt").write_text("no picture")
    for source in (tmp_path, str(tmp_path), [tmp_path / "a.png", str(tmp_path / "b.PNG")]):
        first, second = frames(source)
        assert first.tolist() == [[[90, 90, 90]] * 3] * 3
        assert second[0, 0].tolist() == [0, 0, 200]
    with pytest.raises(ImageError):
        list(frames([tmp_path / "absent.png"]))
    (tmp_path / "c.png").write_bytes((tmp_path / "a.png").read_bytes()[:-30])
    with pytest.raises(ImageError, match=r"c\.png: "):
        list(frames(tmp_path))
