"""The terminal's page, served on 127.0.0.1 to the browser that shows it.

    GET  /  /page.css  /page.js ...  the page itself; nothing secret is in it
    GET  /closed                     what the page says without its token, in every language
    GET  /setup                      payee, currency, oval, source, every fixed text
    GET  /events                     what stands on the screen, as server-sent events
    GET  /preview?after=N            the first square newer than the Nth, JPEG; 204 when there is none
    POST /start /choose /password /cancel    what the person did, JSON; 422 where that cannot be
    POST /frame?width=W&height=H     one raw frame of the browser's camera, RGBA; answered when the next is wanted
    POST /camera                     why the browser's camera cannot be used, JSON

Everything but the page itself needs the token that this launch made; the browser gets it in the address's fragment,
which is sent to nobody.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sealframe.errors import ImageError, PolicyError
from sealframe.money import AmountError, exponent_of, format_amount
from sealframe.terminal.camera.jpeg import encode_preview
from sealframe.terminal.camera.quality import OVAL_HEIGHT, OVAL_WIDTH
from sealframe.terminal.camera.source import BrowserCamera, CameraDenied
from sealframe.terminal.entry import AccountError, read_entry
from sealframe.terminal.screen import texts
from sealframe.terminal.screen.local_http import HttpError, LocalRequest, LocalServer, refusing
from sealframe.terminal.screen.view import view_of
from sealframe.terminal.states import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.payment_controller import PaymentController

MAX_FRAME_SIDE, MIN_FRAME_SIDE = 1920, 32
HEARTBEAT_SECONDS = 10.0
FRAME_SECONDS = 5.0
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILES = {f"/{name}": name for name in ("page.css", "page.js", "camera.js", "pad.js", "wire.js", "icon.svg")}
_FILES |= {"/": "index.html"}
_CLOSED = "/closed"


@dataclass(frozen=True, slots=True)
class Shop:
    """What stays the same on every screen. `is_test`: no real money moves, and the page says so."""

    payee: str
    currency: str
    language: str
    is_test: bool = False


class Page:
    """Serves one controller's page. Raises PolicyError when the port is taken."""

    def __init__(
        self, controller: PaymentController, source: Source, shop: Shop, *, port: int = 0, opens_browser: bool = False
    ) -> None:
        """`port` 0 takes any that is free."""
        self.token = secrets.token_urlsafe(32)
        self._opens_browser = opens_browser
        self._controller = controller
        camera = source if isinstance(source, BrowserCamera) else None
        try:
            self._server = _PageServer(port, self.token, controller, camera, shop)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "the port must be 0 to 65535"
            raise PolicyError(f"The page cannot use port {port}: {why}; choose another --port.") from None

    @property
    def address(self) -> str:
        """Where the page is, with its token."""
        return f"{self._server.origin}/#{self.token}"

    def run(self) -> None:
        """Serve until the controller is stopped."""
        serving = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="page", daemon=True)
        serving.start()
        try:
            print(f"The terminal's page, valid until the terminal stops: {self.address}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                if self._opens_browser:
                    _open_browser(self.address, Path(folder))
                while not self._controller.stopped:
                    self._controller.board.wait_for_end(1.0)
        finally:
            self._controller.stop()
            self._server.shutdown()
            self._server.close_connections()
            self._server.server_close()


class _PageServer(LocalServer):
    def __init__(
        self, port: int, token: str, controller: PaymentController, camera: BrowserCamera | None, shop: Shop
    ) -> None:
        super().__init__(port, _Request, token)
        self.controller, self.camera, self.shop = controller, camera, shop


class _Request(LocalRequest):
    server: _PageServer

    def is_public(self, path: str) -> bool:
        """The page itself."""
        return self.command == "GET" and (path in _FILES or path == _CLOSED)

    def obey(self, path: str) -> None:
        """Give the page, or what it asks for; or do what the person did."""
        routes = _GETS if self.command == "GET" else _POSTS
        if self.command == "GET" and path in _FILES:
            self.give_file(_FILES[path])
        elif path in routes:
            routes[path](self)
        else:
            raise HttpError(404)

    # What is shown

    def give_file(self, name: str) -> None:
        content = (files(__package__) / "static" / name).read_bytes()
        self.give(200, content, f"{_KINDS[Path(name).suffix]}; charset=utf-8")

    def give_closed(self) -> None:
        names = ("closed", "closed_why")
        said = [[texts.tag(each), *(texts.label(name, each) for name in names)] for each in texts.LANGUAGES]
        self.give_json(200, said)

    def give_setup(self) -> None:
        shop = self.server.shop
        setup = {
            "payee": shop.payee,
            "currency": shop.currency,
            "zero": format_amount(0, shop.currency),
            "has_point": exponent_of(shop.currency) > 0,
            "language": shop.language,
            "is_test": shop.is_test,
            "camera": self.server.camera is not None,
            "oval": [OVAL_WIDTH, OVAL_HEIGHT],
            "labels": {language: texts.labels(language) for language in texts.LANGUAGES},
            "locales": {language: texts.tag(language) for language in texts.LANGUAGES},
        }
        self.give_json(200, setup)

    def give_events(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_headers({"Content-Type": "text/event-stream", "Connection": "close"})
        board, shown = self.server.controller.board, -1
        while not board.ended:
            version = board.version
            if version == shown:
                self.wfile.write(b":\n\n")
            else:
                shown = version
                view = json.dumps(view_of(board.situation, board.hint), separators=(",", ":"))
                self.wfile.write(f"data: {view}\n\n".encode())
            board.wait_for_change(shown, HEARTBEAT_SECONDS)

    def give_preview(self) -> None:
        number, square = self.server.controller.board.wait_for_frame(self.number("after"), HEARTBEAT_SECONDS)
        if square is None:
            self.give(204, b"", "image/jpeg", {"X-Frame-Number": str(number)})
        else:
            self.give(200, encode_preview(square), "image/jpeg", {"X-Frame-Number": str(number)})

    # What the person does

    def start(self) -> None:
        shop, said = self.server.shop, self.read_command(amount=str, account=str)
        try:
            entry = read_entry(said["amount"], said["account"], payee=shop.payee, currency=shop.currency)
        except (AmountError, AccountError) as error:
            self.give_json(422, {language: texts.complaint(error, language) for language in texts.LANGUAGES})
        else:
            self.server.controller.start(said["screen"], shop.payee, entry.amount, shop.currency, entry.account)
            self.give(204)

    def choose(self) -> None:
        said = self.read_command(choice=str)
        with refusing(ValueError, 422):
            self.server.controller.choose(said["screen"], Choice(said["choice"]))
        self.give(204)

    def give_password(self) -> None:
        said = self.read_command(password=str)
        with refusing(ValueError, 422):
            self.server.controller.give_password(said["screen"], said["password"])
        self.give(204)

    def cancel(self) -> None:
        self.server.controller.cancel(self.read_command(payment_id=str)["payment_id"])
        self.give(204)

    # The browser's camera

    def take_frame(self) -> None:
        camera, width, height = self._camera(), self.number("width"), self.number("height")
        if not all(MIN_FRAME_SIDE <= side <= MAX_FRAME_SIDE for side in (width, height)):
            raise HttpError(422)
        pixels = np.frombuffer(self.read_body("application/octet-stream", exactly=width * height * 4), np.uint8)
        camera.offer(_bgr(pixels.reshape(height, width, 4)), FRAME_SECONDS)
        self.give(204)

    def take_problem(self) -> None:
        denied = self.read_command(problem=str)["problem"] == "denied"
        self._camera().report(
            CameraDenied("The browser is not allowed to use the camera; allow the camera in the browser.")
            if denied
            else ImageError("The browser finds no working camera; connect a camera.")
        )
        self.give(204)

    def _camera(self) -> BrowserCamera:
        if self.server.camera is None:
            raise HttpError(404)
        return self.server.camera


_GETS: dict[str, Callable[[_Request], None]] = {
    _CLOSED: _Request.give_closed,
    "/setup": _Request.give_setup,
    "/events": _Request.give_events,
    "/preview": _Request.give_preview,
}
_POSTS: dict[str, Callable[[_Request], None]] = {
    "/start": _Request.start,
    "/choose": _Request.choose,
    "/password": _Request.give_password,
    "/cancel": _Request.cancel,
    "/frame": _Request.take_frame,
    "/camera": _Request.take_problem,
}


def _bgr(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (H, W, 4) RGBA as (H, W, 3) BGR, contiguous."""
    return np.ascontiguousarray(rgba[:, :, 2::-1])


def _open_browser(address: str, folder: Path) -> None:
    """Lead the browser there through a private file: other users can read a program's arguments."""
    import webbrowser

    door = folder / "terminal.html"
    door.touch(mode=0o600)
    door.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={address}">')
    webbrowser.open(door.as_uri())
