"""The networks on disk: found by manifest, pinned by SHA-256, checked, then run by ONNX Runtime on first use.

Every tensor of the networks is an integer. So a session's threads and optimisation level change its speed, never its
output. One thread and no graph optimisation are the defaults because they are the fastest here.

A network is one file, or several files that follow each other. The generator is one file. The generator and the
discriminator are that file with a second one behind it. Files are read once: the bytes that are hashed are checked and
run.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sealframe.errors import ModelError
from sealframe.onnx_format import TILES, Signature, check_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.resources.abc import Traversable

    import numpy as np
    import onnxruntime as ort
    from numpy.typing import NDArray

Optimisation: TypeAlias = Literal["none", "basic", "extended", "all"]
Run: TypeAlias = "Callable[[Sequence[str], dict[str, NDArray[np.uint8]], None], list[NDArray[Any]]]"

MAX_MODEL_BYTES = 1 << 24
MAX_MANIFEST_BYTES = 1 << 20
MANIFEST_FORMAT = 3
_HEX_DIGITS = frozenset("0123456789abcdef")
_GRAY, _COEFFICIENTS, _LATENT = (1, 16, 16, 4), (1, 32, 32), (1, 8, 8, 16)
_POSTERIOR = {"mean": _LATENT, "log_variance": _LATENT}
SIGNATURES: dict[str, tuple[Signature, ...]] = {
    "generator": (Signature({"image": _GRAY}, {"derived": _GRAY}),),
    "generator_discriminator": (
        Signature({"image": _GRAY}, {"derived": _GRAY, "features": (2, 8, 8, 128), "verdict": (2, 1)}),
    ),
    "posterior": (Signature({"features": _GRAY}, _POSTERIOR), Signature({"spectrum": _COEFFICIENTS}, _POSTERIOR)),
    "likelihood": (Signature({"latent": _LATENT}, {"probability": _GRAY}),),
}
"""What the networks of these names may take and give; a set may hold others beside them."""


@dataclass(frozen=True, slots=True)
class _File:
    """A part of a network on disk."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the manifest pins of a network: its files, their SHA-256 as one, its tensors."""

    files: tuple[_File, ...]
    sha256: str
    signature: Signature


class ModelSet:
    """A folder of networks with its manifest. Thread-safe; sessions are made on first use and kept.

    Parameters
    ----------
    folder : importlib.resources.abc.Traversable
        Holds manifest.json and the files that it names; a `pathlib.Path` is one.
    threads : int
        Threads of a network's run, 1 or more.
    optimisation : {"none", "basic", "extended", "all"}
        Graph optimisation of ONNX Runtime; it changes the speed alone.

    Raises
    ------
    ModelError
        When the manifest is missing or not valid.

    Examples
    --------
    >>> from sealframe.models import shipped_models
    >>> "generator" in shipped_models().names()
    True
    """

    def __init__(self, folder: Traversable, *, threads: int = 1, optimisation: Optimisation = "none") -> None:
        self._folder = folder
        self._threads = threads
        self._optimisation = optimisation
        self._entries = _read_manifest(folder)
        self._runs: dict[str, tuple[Run, str]] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_directory(cls, folder: str | Path, *, threads: int = 1) -> ModelSet:
        """Open an owner's own networks, as `sealframe train` writes them.

        The rules of the shipped networks hold for them too, and so do the digests in their own manifest.json.

        Parameters
        ----------
        folder : str or pathlib.Path
            Holds manifest.json and the files that it names.
        threads : int
            Threads of a network's run, 1 or more.

        Returns
        -------
        ModelSet

        Raises
        ------
        ModelError
            When the manifest is missing or not valid.
        """
        return cls(Path(folder), threads=threads)

    def names(self) -> tuple[str, ...]:
        """Return the names of the networks in the manifest.

        Returns
        -------
        tuple of str
        """
        return tuple(self._entries)

    def sha256(self, name: str) -> str:
        """Return the pinned SHA-256 of a network.

        Parameters
        ----------
        name : str
            The network, for example "generator".

        Returns
        -------
        str
            64 lower-case hexadecimal digits.

        Raises
        ------
        ModelError
            When the manifest names no such network.
        """
        return self._entry(name).sha256

    def read(self, name: str) -> bytes:
        """Read a network from its files.

        Parameters
        ----------
        name : str
            The network, for example "generator".

        Returns
        -------
        bytes
            The ONNX model; its digest is the pinned one.

        Raises
        ------
        ModelError
            When the manifest names no such network, or its files are missing or altered.
        """
        entry = self._entry(name)
        content = b"".join(_read_at_most(self._folder, file.name, file.bytes) for file in entry.files)
        if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), entry.sha256):
            raise ModelError(f'The files of the network "{name}" differ from those in the manifest; restore the files.')
        return content

    def run(self, name: str, outputs: Sequence[str], tiles: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Run a network of one input on a batch of tiles.

        Parameters
        ----------
        name : str
            The network, for example "generator".
        outputs : sequence of str
            Names of the outputs to return.
        tiles : numpy.ndarray
            uint8 (N, ...), in the shape that the manifest gives.

        Returns
        -------
        list of numpy.ndarray
            One for each name in `outputs`, in their order.

        Raises
        ------
        ModelError
            When the network is unknown, altered, not allowed, or has several inputs.
        """
        run, source = self._runs.get(name) or self._run_of(name)
        return run(outputs, {source: tiles}, None)

    def input_of(self, name: str) -> str:
        """Return the name of the one input of a network.

        Parameters
        ----------
        name : str
            The network, for example "generator".

        Returns
        -------
        str

        Raises
        ------
        ModelError
            When the manifest names no such network, or it has several inputs.
        """
        inputs = list(self._entry(name).signature.inputs)
        if len(inputs) != 1:
            raise ModelError(f'The network "{name}" must have one input; export the network again.')
        return inputs[0]

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise ModelError(f'The manifest names no network "{name}"; it names {", ".join(self._entries)}.') from None

    def _run_of(self, name: str) -> tuple[Run, str]:
        """A network's session, made by whoever asks first, as the call that runs it, and the name of its input."""
        with self._lock:
            if name not in self._runs:
                session = self._new_session(name)
                # The native session itself where there is one: what its wrapper checks was checked, and takes 5 us.
                self._runs[name] = getattr(session, "_sess", session).run, self.input_of(name)
            return self._runs[name]

    def _new_session(self, name: str) -> ort.InferenceSession:
        content = self.read(name)
        check_network(name, content, self._entry(name).signature)
        ort = import_onnxruntime()
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
            raise ModelError(
                f'ONNX Runtime {ort.__version__} cannot load the network "{name}"; update ONNX Runtime.'
            ) from None


def import_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry off.

    From version 1.29 on it collects telemetry unless ORT_DISABLE_TELEMETRY is set before the import.

    Returns
    -------
    module
        `onnxruntime`.

    Examples
    --------
    >>> from sealframe.models import import_onnxruntime
    >>> import_onnxruntime().__name__
    'onnxruntime'
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


@cache
def shipped_models() -> ModelSet:
    """Return the networks that come with sealframe.

    Returns
    -------
    ModelSet
        The same object at every call.

    Examples
    --------
    >>> from sealframe.models import shipped_models
    >>> len(shipped_models().sha256("generator"))
    64
    """
    return ModelSet(files("sealframe").joinpath("models"))


def _read_at_most(folder: Traversable, name: str, size: int) -> bytes:
    """A file, or as much of it as shows that it is longer than it should be."""
    try:
        with folder.joinpath(name).open("rb") as file:
            return file.read(size + 1)
    except OSError:
        raise ModelError(f"The networks' file {name} cannot be read; reinstall sealframe.") from None


def _read_manifest(folder: Traversable) -> dict[str, _Entry]:
    try:
        manifest = json.loads(_read_at_most(folder, "manifest.json", MAX_MANIFEST_BYTES))
    except (ValueError, RecursionError):
        raise ModelError("The networks' manifest.json is not valid JSON; reinstall sealframe.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT:
        raise ModelError(
            "The networks' manifest.json has another format; use the version of sealframe that wrote the file."
        )
    try:
        entries = {str(name): _entry_of(entry) for name, entry in manifest["models"].items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ModelError("The networks' manifest.json has a missing or wrong field; reinstall sealframe.") from None
    for name, entry in entries.items():
        if entry.signature not in SIGNATURES.get(name, (entry.signature,)):
            raise ModelError(f'The network "{name}" has inputs or outputs of the wrong form; train the network again.')
    return entries


def _entry_of(entry: Mapping[str, Any]) -> _Entry:
    """One network of the manifest. Raises ValueError, or what a field of the wrong kind raises."""
    parts = tuple(_File(part["file"], part["bytes"]) for part in entry["files"])
    for part in parts:
        if not isinstance(part.name, str) or {"/", "\\", "\0"} & set(part.name) or part.name in ("", ".", ".."):
            raise ValueError("a file outside the folder")
        if not isinstance(part.bytes, int) or part.bytes < 1:
            raise ValueError("no size")
    if not 0 < sum(part.bytes for part in parts) <= MAX_MODEL_BYTES:
        raise ValueError("too large a network")
    if len(entry["sha256"]) != 64 or not set(entry["sha256"]) <= _HEX_DIGITS:
        raise ValueError("no SHA-256")
    return _Entry(parts, entry["sha256"], Signature(_shapes(entry["inputs"]), _shapes(entry["outputs"])))


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    for tensor in tensors.values():
        if tensor["dtype"] != "uint8" or tensor["shape"][0] not in TILES:
            raise ValueError("a tensor that is not uint8 by tiles")
    return {
        str(name): (TILES[tensor["shape"][0]], *(int(size) for size in tensor["shape"][1:]))
        for name, tensor in tensors.items()
    }
