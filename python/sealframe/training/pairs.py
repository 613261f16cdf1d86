"""Endless pairs of degraded and clear tiles, from pictures on disk and drawn ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sealframe.training import synthesis
from sealframe.training.degradation import SHARES, degrade
from sealframe.training.frames import FRAME, TILE, area_resize, to_frame, to_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sealframe.training.dataset import Picture

TILES = (FRAME // TILE) ** 2
"""Tiles in a frame."""


@dataclass(frozen=True)
class Mix:
    """How a training set is mixed; every share is a probability."""

    drawn: float = 0.2
    faces: float = 0.4
    """Share of photographs taken from sources whose name begins with `faces`."""
    degraded: float = 0.5
    frames_per_pool: int = 1500
    degradations: dict[str, float] = field(default_factory=lambda: dict(SHARES))
    """Share of every kind of `degradation.KINDS` among the degraded frames."""


def _random_view(gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a random part, often the whole, and stretch it to a frame: sharp when shrunk, soft when grown."""
    height, width = gray.shape
    share = 1.0 if rng.random() < 0.25 else float(rng.uniform(0.5, 1))
    h = max(32, int(height * share))
    w = max(32, int(width * min(1.0, share * rng.uniform(0.85, 1.18))))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    return to_frame(gray[top : top + h, left : left + w])


def _mosaic(pictures: Sequence[NDArray[np.uint8]], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shrink four pictures into the quarters of one frame: detail as dense as from a camera of many megapixels."""
    half = FRAME // 2
    quarters = [area_resize(pictures[int(rng.integers(len(pictures)))], half, half) for _ in range(4)]
    return np.block([quarters[:2], quarters[2:]])


def _flip(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    frame = frame[:, ::-1] if rng.random() < 0.5 else frame
    frame = frame[::-1] if rng.random() < 0.2 else frame
    return frame.T if rng.random() < 0.15 else frame


def _relight(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Vary contrast and brightness of the clear picture itself, so that all gray levels are met."""
    if rng.random() < 0.5:
        return frame
    contrast, brightness = float(rng.uniform(0.4, 1.5)), float(rng.normal(0, 30))
    middle = float(frame.mean())
    relit = np.rint((frame - middle) * contrast + middle + brightness)
    return np.asarray(np.clip(relit, 0, 255), np.uint8)


class Pairs:
    """A seeded source of (degraded, clear) tiles; equal seeds give equal tiles."""

    def __init__(self, pictures: Sequence[Picture], mix: Mix, seed: int) -> None:
        """Split `pictures` into faces and others; raises ValueError when there is none."""
        if not pictures:
            raise ValueError("No picture is left to train on; dropped.json gives the reasons. Give other pictures.")
        self._faces = [p.gray for p in pictures if p.source.startswith("faces")]
        self._others = [p.gray for p in pictures if not p.source.startswith("faces")]
        self._mix = mix
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._number = 0
        self._current = self._pool(0)

    def _photographs(self) -> Sequence[NDArray[np.uint8]]:
        if not self._others or (self._faces and self._rng.random() < self._mix.faces):
            return self._faces
        return self._others

    def clear_frame(self) -> NDArray[np.uint8]:
        """Return one clear frame (128, 128)."""
        rng = self._rng
        if rng.random() < self._mix.drawn:
            kind = str(rng.choice(list(synthesis.KINDS)))
            return _random_view(synthesis.KINDS[kind](rng), rng)
        pictures = self._photographs()
        if rng.random() < 0.2:
            frame = _mosaic(pictures, rng)
        else:
            frame = _random_view(pictures[int(rng.integers(len(pictures)))], rng)
        return _relight(_flip(frame, rng), rng)

    def _pool(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        self._rng = np.random.default_rng((self._seed, number))
        clear = np.stack([self.clear_frame() for _ in range(self._mix.frames_per_pool)])
        degraded = clear.copy()
        for index in np.flatnonzero(self._rng.random(len(clear)) < self._mix.degraded):
            degraded[index] = degrade(clear[index], self._rng, self._mix.degradations)
        order = self._rng.permutation(TILES * len(clear))
        return to_tiles(degraded)[order], to_tiles(clear)[order]

    def batch(self, step: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the (degraded, clear) tiles (size, 32, 32) of a step: a function of seed and step alone."""
        if size > TILES * self._mix.frames_per_pool:
            raise ValueError(f"a pool of {self._mix.frames_per_pool} frames holds no {size} tiles")
        per_pool = TILES * self._mix.frames_per_pool // size
        number, place = divmod(step, per_pool)
        if number != self._number:
            self._number, self._current = number, self._pool(number)
        degraded, clear = self._current
        chosen = slice(place * size, (place + 1) * size)
        return degraded[chosen], clear[chosen]
