"""Keys of devices and servers, and their files.

A device key signs. A server key opens envelopes and signs answers. A shared key stands on both sides of a closed
installation. Read the files in the order of the data's way: `secrecy` and `key_file` are the floor. `signing` and
`recipient` hold the algorithms. `device`, `server` and `shared` are the keys that people handle.
"""

from sealframe.keys.device import DeviceKey, DevicePublic
from sealframe.keys.recipient import Suite
from sealframe.keys.server import ServerKey, ServerPublic
from sealframe.keys.shared import SharedKey
from sealframe.keys.signing import SIGN_NAMES, SignVersion
from sealframe.keys.validity import ALWAYS, Validity

__all__ = [
    "ALWAYS",
    "SIGN_NAMES",
    "DeviceKey",
    "DevicePublic",
    "ServerKey",
    "ServerPublic",
    "SharedKey",
    "SignVersion",
    "Suite",
    "Validity",
]
