"""The networks on disk: found by manifest, pinned by SHA-256, run by ONNX Runtime on first use.

Every tensor of the shipped networks is an integer, so a session's threads and optimisation level change its speed,
never its output (A19). One thread and no graph optimisation are the defaults because they are the fastest here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sealframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    import numpy as np
    import onnxruntime as ort
    from numpy.typing import NDArray

Optimisation: TypeAlias = Literal["none", "basic", "extended", "all"]

MAX_MODEL_BYTES = 1 << 24
MANIFEST_FORMAT = 1


class ModelSet:
    """A folder of networks with its manifest. Thread-safe; sessions are made on first use and kept."""

    def __init__(self, folder: Traversable, *, threads: int = 1, optimisation: Optimisation = "none") -> None:
        """`folder` holds manifest.json and the files it names. Raises ModelError when the manifest is no good."""
        self._folder = folder
        self._threads = threads
        self._optimisation = optimisation
        self._entries = _read_manifest(folder)
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Names of the networks in the manifest."""
        return tuple(self._entries)

    def sha256(self, name: str) -> str:
        """The pinned SHA-256 of a network, 64 lowercase hexadecimal digits. Raises ModelError for an unknown name."""
        return str(self._entry(name)["sha256"])

    def read(self, name: str) -> bytes:
        """The bytes of a network, hashed as read (A48). Raises ModelError unless they are the pinned ones."""
        entry = self._entry(name)
        try:
            content = self._folder.joinpath(str(entry["file"])).read_bytes()
        except OSError:
            raise ModelError(f'The file of the network "{name}" cannot be read; reinstall sealframe.') from None
        if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), str(entry["sha256"])):
            raise ModelError(f'The file of the network "{name}" is not the one in the manifest; reinstall sealframe.')
        return content

    def run(self, name: str, outputs: Sequence[str], image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Run a network on a batch of tiles, uint8 (N, 8, 8, 16); outputs by name, in the order asked for."""
        return list(self._session(name).run(list(outputs), {"image": image}))

    def _entry(self, name: str) -> dict[str, Any]:
        try:
            return self._entries[name]
        except KeyError:
            raise ModelError(f'The manifest names no network "{name}"; it names {", ".join(self._entries)}.') from None

    def _session(self, name: str) -> ort.InferenceSession:
        session = self._sessions.get(name)
        if session is None:
            with self._lock:
                session = self._sessions.get(name)
                if session is None:
                    session = self._sessions[name] = self._new_session(name)
        return session

    def _new_session(self, name: str) -> ort.InferenceSession:
        content = self.read(name)
        import onnxruntime as ort

        levels = ort.GraphOptimizationLevel
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.graph_optimization_level = {
            "none": levels.ORT_DISABLE_ALL,
            "basic": levels.ORT_ENABLE_BASIC,
            "extended": levels.ORT_ENABLE_EXTENDED,
            "all": levels.ORT_ENABLE_ALL,
        }[self._optimisation]
        try:
            return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception:
            raise ModelError(f'ONNX Runtime {ort.__version__} cannot load the network "{name}"; update it.') from None


@cache
def shipped_models() -> ModelSet:
    """The networks that come with sealframe."""
    return ModelSet(files("sealframe").joinpath("models"))


def _read_manifest(folder: Traversable) -> dict[str, dict[str, Any]]:
    try:
        manifest = json.loads(folder.joinpath("manifest.json").read_bytes())
    except OSError:
        raise ModelError("The networks' manifest.json cannot be read; reinstall sealframe.") from None
    except ValueError:
        raise ModelError("The networks' manifest.json is not valid JSON; reinstall sealframe.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise ModelError("The networks' manifest.json is of another format; update sealframe.")
    entries: dict[str, dict[str, Any]] = manifest["models"]
    for entry in entries.values():
        if "/" in str(entry["file"]) or "\\" in str(entry["file"]) or int(entry["bytes"]) > MAX_MODEL_BYTES:
            raise ModelError("The networks' manifest.json names a file outside its folder or above 16 MiB.")
    return entries
