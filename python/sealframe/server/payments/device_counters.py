"""The devices' counters: each capture is spent once, together with what it pays for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, exists, select, update

from sealframe.payment_protocol import Code
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.tables import COUNTER_DIGITS, attempts, devices

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ADVANCE = Statement(
    update(devices)
    .where(
        devices.c.device == bindparam("which"),
        devices.c.status == "active",
        devices.c.last_counter < bindparam("to"),
        ~exists().where(attempts.c.message_id == bindparam("message_id")),
    )
    .values(last_counter=bindparam("to"))
)
_DEVICE_STATUS = Statement(select(devices.c.status).where(devices.c.device == bindparam("device")))


def spend_capture(connection: Connection, device: str, counter: int, message_id: str) -> bool:
    """Use up the device's counter and the message id.

    Parameters
    ----------
    connection : Connection
        In the caller's transaction.
    device : str
        Key id, 32 hexadecimal digits.
    counter : int
        Number of the capture, 0 to 2^64 - 1.
    message_id : str
        The envelope's random id, 32 hexadecimal digits.

    Returns
    -------
    bool
        False when this counter or a later one, or the message id, was used before, or the device is not active.

    """
    capture = {"which": device, "to": counter_text(counter), "message_id": message_id}
    return _ADVANCE.run(connection, capture) == 1


def why_not_spent(connection: Connection, device: str) -> Code:
    """The code of a capture that `spend_capture` did not take."""
    status = _DEVICE_STATUS.value(connection, {"device": device})
    if status is None:
        return Code.UNKNOWN_DEVICE
    return Code.STALE_COUNTER if status == "active" else Code.DEVICE_REVOKED


def counter_text(counter: int) -> str:
    """A counter as the tables hold it: 20 digits."""
    return f"{counter:0{COUNTER_DIGITS}}"
