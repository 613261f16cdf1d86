"""The registered devices as a mapping, for whoever verifies envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from sealframe.keys import DevicePublic, Validity
from sealframe.server.storage.compiled_statements import ResultRow, Statement
from sealframe.server.storage.device_records import device_from_record
from sealframe.server.storage.tables import devices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sealframe.server.storage.database import Database

_DEVICE = Statement(select(devices.c.record, devices.c.status).where(devices.c.device == bindparam("device")))


def find_device(connection: Connection, key_id: bytes) -> ResultRow | None:
    """The record and the status of a registered device, or None."""
    return _DEVICE.row(connection, {"device": key_id.hex()})


class DeviceDirectory(Mapping[bytes, DevicePublic]):
    """The registered devices by key id, read when asked for, so that a revocation takes effect at once.

    Parameters
    ----------
    database : Database
        Where they are registered.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getitem__(self, key_id: bytes) -> DevicePublic:
        with self._database.reading() as connection:
            row = find_device(connection, key_id)
        if row is None:
            raise KeyError(key_id)
        device = device_from_record(row.record)
        revoked = row.status != "active"
        return replace(device, validity=Validity(revoked=True)) if revoked else device

    def __iter__(self) -> Iterator[bytes]:
        with self._database.reading() as connection:
            return iter([bytes.fromhex(key_id) for key_id in connection.execute(select(devices.c.device)).scalars()])

    def __len__(self) -> int:
        return sum(1 for _ in self)
