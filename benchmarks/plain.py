"""The same method as a good programmer would write it without this library: the peer of `test_bench_pipeline.py`.

Cached float session with every optimisation, cached keys, one thread, preallocated OpenCV buffers, NumPy reductions,
the same map size and envelope steps, bytes-returning AES-GCM.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime as ort
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from xwing import X_WING, generate_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, TILE, WINDOW = 128, 32, 7


class PlainSealer:
    """Gray, resize, float generator, cosine map, reductions, context, HPKE-wrapped AES-GCM, Ed25519."""

    def __init__(self, float_generator: bytes) -> None:
        """`float_generator` is the one of `float_generator.py`."""
        cv2.setNumThreads(1)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._session = ort.InferenceSession(float_generator, options, providers=["CPUExecutionProvider"])
        self._recipient = generate_key().public_key()
        self._signer = Ed25519PrivateKey.generate()
        self._counter = 0
        self._gray: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._small = np.empty((SIDE, SIDE), np.uint8)
        self._floats = [np.empty((SIDE, SIDE), np.float32) for _ in range(8)]

    def seal(self, frame: NDArray[np.uint8], data: bytes = b"") -> bytes:
        """Seal an RGB frame."""
        self._counter += 1
        context = self._context(frame.shape[1], frame.shape[0])
        image = self._features(frame)
        derived = self._derive(image)
        factor = self._factor(derived, self._cosines(image, derived))
        return self._envelope(factor, context, data, frame)

    def _features(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        gray = self._gray.setdefault(frame.shape[:2], np.empty(frame.shape[:2], np.uint8))
        cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY, dst=gray)
        cv2.resize(gray, (SIDE, SIDE), dst=self._small, interpolation=cv2.INTER_AREA)
        image = self._floats[0]
        np.multiply(self._small, np.float32(1 / 128), out=image)
        np.subtract(image, np.float32(1), out=image)
        return image

    def _derive(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        count, blocks = SIDE // TILE, TILE // 4
        grid = image.reshape(count, blocks, 4, count, blocks, 4)
        (derived,) = self._session.run(None, {"image": grid.transpose(0, 3, 1, 4, 2, 5).reshape(count * count, -1)})
        grid = derived.reshape(count, count, 4, 4, blocks, blocks)
        rows: NDArray[np.float32] = grid.transpose(0, 4, 2, 1, 5, 3).reshape(SIDE, SIDE)
        return rows

    def _cosines(self, image: NDArray[np.float32], derived: NDArray[np.float32]) -> NDArray[np.int8]:
        product, dot, first, second, norm = self._floats[1:6]
        box = (WINDOW, WINDOW)
        np.multiply(image, derived, out=product)
        cv2.boxFilter(product, -1, box, dst=dot, normalize=False, borderType=cv2.BORDER_CONSTANT)
        cv2.sqrBoxFilter(image, cv2.CV_32F, box, dst=first, normalize=False, borderType=cv2.BORDER_CONSTANT)
        cv2.sqrBoxFilter(derived, cv2.CV_32F, box, dst=second, normalize=False, borderType=cv2.BORDER_CONSTANT)
        np.multiply(first, second, out=norm)
        np.sqrt(norm, out=norm)
        np.maximum(norm, np.float32(1e-12), out=norm)
        np.divide(dot, norm, out=dot)
        np.multiply(dot, np.float32(127), out=dot)
        return np.floor(dot, out=dot).astype(np.int8)

    def _factor(self, derived: NDArray[np.float32], cosines: NDArray[np.int8]) -> bytes:
        pixels = np.clip(np.rint(derived * 128 + 128), 0, 255).astype(np.uint8)
        digest = hashlib.sha256(pixels.tobytes() + cosines.tobytes()).digest()
        means = pixels.reshape(16, 8, 16, 8).mean(axis=(1, 3)).astype(np.uint8)
        return digest + means.tobytes() + cosines.sum(axis=1, dtype=np.int32).astype(">i4").tobytes()

    def _context(self, width: int, height: int) -> bytes:
        fields = (
            "SF1",
            "POS-0001",
            1,
            int(time.time() * 1000),
            self._counter,
            os.urandom(16).hex(),
            f"{width}x{height}",
        )
        return "|".join(map(str, fields)).encode()

    def _envelope(self, factor: bytes, context: bytes, data: bytes, frame: NDArray[np.uint8]) -> bytes:
        payload = struct.pack(">4sB3xII", b"SFR1", 1, frame.shape[1], frame.shape[0]) + frame.tobytes()
        security = b"".join(
            (
                struct.pack(">I", len(factor)),
                factor,
                struct.pack(">I", len(context)),
                context,
                hashlib.sha256(data).digest(),
                hashlib.sha256(payload).digest(),
            )
        )
        key = os.urandom(32)
        tag = hmac.digest(hmac.digest(key, b"factor", "sha256"), security, "sha256")
        header = struct.pack(">4sBBBB16s32s", b"PLN1", 1, 1, 1, 0, os.urandom(16), tag)
        info = b"wrap" + hashlib.sha256(header).digest()
        wrapped = X_WING.encrypt(key, self._recipient, info=info)
        signature = self._signer.sign(hashlib.sha256(header + wrapped).digest())
        content = b"".join((struct.pack(">I", len(security)), security, struct.pack(">I", len(data)), data, payload))
        return header + wrapped + signature + AESGCM(key).encrypt(bytes(12), content, header)
