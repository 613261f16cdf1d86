"""A bank to try things against: the real server, invented money, drawn faces; all of it TEST.

Test an integration of your own against it, without a camera, a face or a network::

    from sealframe.sandbox import Bank, draw_face, serve

    with Bank(folder) as bank:
        bank.open_account("shop")
        bank.open_account("alice", funds=10_000, password="correct horse")
        terminal = bank.new_terminal("POS-0001")
        bank.enrol("alice", [draw_face(2, capture) for capture in range(3)], terminal)
        answer = terminal.pay(bank, draw_face(2, 9), payee="shop", account="alice", amount=250)
        with serve(bank) as address:  # the same bank over HTTP, for a terminal of your own
            ...

    bank             Bank and Terminal
    serving          a bank over HTTP, in a thread
    drawn_faces      people who are drawn, one for each number
    customers        who takes part in a demonstration
    demonstration    `sealframe demo pay`
    terminal         `sealframe demo pay --terminal`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealframe.sandbox.bank import Bank, Terminal, drawn_face_verifier
    from sealframe.sandbox.drawn_faces import draw_face
    from sealframe.sandbox.serving import serve

_HOME_OF = {
    "Bank": "bank",
    "Terminal": "bank",
    "draw_face": "drawn_faces",
    "drawn_face_verifier": "bank",
    "serve": "serving",
}

__all__ = ["Bank", "Terminal", "draw_face", "drawn_face_verifier", "serve"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sealframe.sandbox' has no attribute {name!r}")
    return getattr(import_module(f"sealframe.sandbox.{_HOME_OF[name]}"), name)
