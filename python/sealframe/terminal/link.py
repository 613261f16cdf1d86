"""Bytes to the server, bytes back. A reply is nothing before its signature has been checked, elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from sealframe.envelope.answer import MAX_BODY_BYTES
from sealframe.errors import PolicyError
from sealframe.payment import ENVELOPE_TYPE, ENVELOPES_TYPE, join_envelopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

CONNECT_SECONDS, REPLY_SECONDS = 2.0, 6.0
_MAX_REPLY_BYTES = MAX_BODY_BYTES + 16384
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NoReply(Exception):
    """No reply that could be a signed answer."""


class NotSent(NoReply):
    """Not even a connection: nothing of the request has left this computer."""


class ServerLink:
    """A kept-alive connection to one server. `address`: http(s)://host[:port]; plain http to this computer alone.

    Raises PolicyError for any other address.
    """

    def __init__(self, address: str, *, reply_seconds: float = REPLY_SECONDS, allow_plain: bool = False) -> None:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise PolicyError("The server's address is not valid; give https://HOST.") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise PolicyError("The server's address is not valid; give https://HOST.")
        if url.scheme == "http" and url.host not in _LOOPBACK and not allow_plain:
            raise PolicyError("The server's address is plain http; give https://HOST.")
        timeout = httpx.Timeout(reply_seconds, connect=CONNECT_SECONDS)
        self._client = httpx.Client(base_url=url, timeout=timeout, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, envelope: bytes, sent: Callable[[], object] = lambda: None) -> bytes:
        """Post one envelope; `sent` is called when its last byte is on its way.

        Raises NotSent when there was no connection, NoReply for everything but a reply of status 200 and a sensible
        size.
        """

        def trace(event: str, _facts: object) -> None:
            if event == "http11.send_request_body.complete":
                sent()

        try:
            with self._client.stream(
                "POST",
                "/v1/attempts",
                content=envelope,
                headers={"Content-Type": ENVELOPE_TYPE},
                extensions={"trace": trace},
            ) as reply:
                if reply.status_code != 200:
                    raise NoReply
                content = bytearray()
                for piece in reply.iter_bytes():
                    content += piece
                    if len(content) > _MAX_REPLY_BYTES:
                        raise NoReply
                return bytes(content)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise NotSent from None
        except httpx.HTTPError:
            raise NoReply from None

    def enrol(self, account: str, envelopes: Sequence[bytes], token: str) -> str:
        """Enrol an account's owner as an operator; the template's id.

        Raises PolicyError with the server's reason, NoReply when it gave none.
        """
        headers = {"Content-Type": ENVELOPES_TYPE, "Authorization": f"Bearer {token}"}
        path = f"/v1/accounts/{account}/templates"
        try:
            reply = self._client.post(path, content=join_envelopes(envelopes), headers=headers)
            said = reply.json()
            if reply.status_code == 201:
                return str(said["id"])
            reason = str(said["message"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            raise NoReply from None
        raise PolicyError(reason if reason.isprintable() else "The server refused.")

    def is_reachable(self) -> bool:
        """Whether anything answers there; nothing is believed of what it says."""
        try:
            return self._client.get("/v1/server").status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
