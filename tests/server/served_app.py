"""An application behind uvicorn, in a thread of the test's process."""

from __future__ import annotations

import threading
import time
from typing import Any

import uvicorn

from sealframe.server.http.header_limits import HeaderLimitsProtocol


class Serving:
    """Serves until stopped; ready when made."""

    def __init__(self, app: Any, port: int) -> None:
        self.server = uvicorn.Server(
            uvicorn.Config(app, port=port, http=HeaderLimitsProtocol, log_config=None, server_header=False)
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)  # a failed test ends, too
        self.thread.start()
        end = time.monotonic() + 20
        while not self.server.started and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()
