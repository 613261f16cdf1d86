"""How good exported networks are on pictures they were never trained on: every figure of the model cards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.metrics import structural_similarity

from sealframe.models import ModelSet
from sealframe.roc import auc
from sealframe.training import degradation, synthesis
from sealframe.training.dataset import held_out, scan
from sealframe.training.frames import from_blocks, from_tiles, to_blocks, to_frame, to_tiles
from sealframe.training.twin import FloatTwin
from sealframe.training.vae import binarise, information_bytes, latent_information

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
HARD = 20.0
"""Inputs below this PSNR, in dB, count as strongly degraded."""
DRAWN_PER_CLASS = 60
FRAMES_PER_CLASS = 150


@dataclass(frozen=True)
class Category:
    """Clear frames (n, 128, 128) uint8 of one kind of picture."""

    name: str
    frames: NDArray[np.uint8]


def _thin(frames: Sequence[NDArray[np.uint8]], most: int) -> NDArray[np.uint8]:
    """Keep at most `most` frames, evenly spread."""
    chosen = np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int)
    return np.stack([frames[index] for index in chosen])


def photographed(name: str, folder: Path, kept: Iterable[str] | None) -> Category:
    """Read the frames of a folder.

    Parameters
    ----------
    name : str
        What the report calls them.
    folder : Path
        Pictures, one folder below per source.
    kept : iterable of str or None
        None for a folder that was never trained on. Of one that was, only sources kept for judging are read: those
        named here, and those that `held_out` keeps.

    Returns
    -------
    Category

    Raises
    ------
    ValueError
        When there is no such picture.
    """
    pictures = scan([folder]).pictures
    if kept is not None:
        names = set(kept)
        pictures = [picture for picture in pictures if picture.source in names or held_out(picture.source)]
    if not pictures:
        raise ValueError(f"{folder} holds no picture to judge on; give another folder.")
    return Category(name, _thin([to_frame(picture.gray) for picture in pictures], FRAMES_PER_CLASS))


def drawn(seed: int) -> list[Category]:
    """Draw payment codes, captchas and documents from a seed that training never uses."""
    rng = np.random.default_rng((seed, 0x0DD))
    return [
        Category(name, np.stack([to_frame(draw(rng)) for _ in range(DRAWN_PER_CLASS)]))
        for name, draw in synthesis.KINDS.items()
    ]


def psnr(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """PSNR in dB of each pair of frames (n, h, w), at most 61 (a twentieth of a gray level squared)."""
    error = np.square(first.astype(np.float64) - second).mean((1, 2))
    return np.asarray(10 * np.log10(255**2 / np.maximum(error, 0.05)))


def _ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    similarity: Callable[..., float] = structural_similarity
    return float(np.mean([similarity(a, b, data_range=255) for a, b in zip(first, second, strict=True)]))


class GanEvaluator:
    """The GAN networks of one folder, frame by frame."""

    def __init__(self, models: Path) -> None:
        self._models = ModelSet(models)
        self._twin = FloatTwin(self._models.read("generator"))

    def derive(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Derived frames, as sealing computes them."""
        blocks = to_blocks(to_tiles(frames))
        return from_tiles(from_blocks(self._models.run("generator", ["derived"], blocks)[0]))

    def derive_in_float(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Derived frames of the float twin, in gray levels, not rounded."""
        image = (to_blocks(to_tiles(frames)).astype(np.float32) - 128) / 128
        return np.clip(from_tiles(from_blocks(256 * self._twin.run(image=image)["derived"])), 0, 255)

    def verdicts(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Verdict on each tile of the images and of their derived images."""
        (verdicts,) = self._models.run("generator_discriminator", ["verdict"], to_blocks(to_tiles(frames)))
        image, derived = np.split(verdicts[:, 0], 2)
        return image, derived

    def clean(self, category: Category) -> dict[str, float]:
        """How close derived images come to clear ones, and integers to the float twin."""
        derived = self.derive(category.frames)
        image_verdict, derived_verdict = self.verdicts(category.frames)
        return {
            "frames": len(derived),
            "psnr": float(psnr(derived, category.frames).mean()),
            "ssim": _ssim(derived, category.frames),
            "integer_to_float_twin_psnr": float(psnr(derived, self.derive_in_float(category.frames)).mean()),
            "float_twin_psnr": float(psnr(self.derive_in_float(category.frames), category.frames).mean()),
            "discriminator_auc": auc(image_verdict, derived_verdict),
        }

    def degraded(self, categories: Sequence[Category], seed: int) -> dict[str, dict[str, float]]:
        """How much clearer derived images are than degraded inputs, by kind and over all inputs below 20 dB."""
        rng = np.random.default_rng((seed, 0xDE6))
        clear = np.concatenate([category.frames for category in categories])
        report, hard = {}, []
        for kind, degrade in degradation.KINDS.items():
            for strength in STRENGTHS:
                inputs = np.stack([degrade(frame, strength, rng) for frame in clear])
                pairs = np.stack([psnr(inputs, clear), psnr(self.derive(inputs), clear)])
                report[f"{kind} {strength:.2f}"] = _gain(pairs)
                hard.append(pairs[:, pairs[0] < HARD])
        report["all below 20 dB"] = _gain(np.concatenate(hard, 1))
        return report


class VaeEvaluator:
    """The VAE networks of one folder."""

    def __init__(self, models: Path) -> None:
        self._models = ModelSet(models)
        self._twins = [FloatTwin(self._models.read(name)) for name in ("posterior", "likelihood")]
        self._source = self._models.input_of("posterior")
        outputs = json.loads((models / "manifest.json").read_text())["models"]["posterior"]["outputs"]
        self._mean, self._log_variance = outputs["mean"], outputs["log_variance"]

    def encode(self, tiles: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Mean and log-variance (n, 8, 8, 16) of the posterior of gray tiles (n, 32, 32)."""
        information = information_bytes(tiles, self._source)
        mean, log_variance = self._models.run("posterior", ["mean", "log_variance"], information)
        return mean, log_variance

    def sample(
        self, mean: NDArray[np.uint8], log_variance: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Draw a latent, in steps of the mean."""
        deviation = np.exp(
            0.5 * self._log_variance["scale"] * (log_variance.astype(np.float64) - self._log_variance["zero"])
        )
        noise = deviation / self._mean["scale"] * rng.standard_normal(mean.shape)
        return np.asarray(np.clip(np.rint(mean + noise), 0, 255), np.uint8)

    def decode(self, latent: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Chance of every pixel, in 256ths, in block order."""
        return self._models.run("likelihood", ["probability"], latent)[0]

    def decode_in_float(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the float twins of both nets make of gray tiles, decoding the mean, in 256ths, not rounded."""
        posterior, likelihood = self._twins
        information = latent_information(tiles, self._source).numpy()
        mean = posterior.run(**{self._source: information})["mean"]
        return np.asarray(np.clip(256 * likelihood.run(latent=mean)["probability"], 0, 255), np.float32)

    def report(self, category: Category, seed: int) -> dict[str, float]:
        """Bits per pixel decoding the mean and a sample, beside a constant predictor's."""
        tiles = to_tiles(category.frames)
        pixels = to_blocks(binarise(tiles))
        mean, log_variance = self.encode(tiles)
        drawn = self.sample(mean, log_variance, np.random.default_rng((seed, 0x5A)))
        chance = self.decode(mean)
        pair = (chance, self.decode_in_float(tiles))
        return {
            "tiles": len(tiles),
            "bits_per_pixel_mean": _bits(chance, pixels),
            "bits_per_pixel_sample": _bits(self.decode(drawn), pixels),
            "bits_per_pixel_constant": _bits(np.full(pixels.shape, 256 * pixels.mean()), pixels),
            "integer_to_float_twin_psnr": float(psnr(*(each.reshape(-1, 32, 32) for each in pair)).mean()),
            "wrong_pixels": float(((chance >= 128) != pixels).mean()),
        }


def _bits(chance: NDArray[Any], pixels: NDArray[np.uint8]) -> float:
    """Bits per binary pixel under chances in 256ths, none nearer to 0 or 1 than half of one."""
    kept = np.clip(chance / 256, 1 / 512, 511 / 512)
    return float(-np.log2(np.where(pixels > 0, kept, 1 - kept)).mean())


def _gain(pairs: NDArray[np.float64]) -> dict[str, float]:
    before, after = pairs.mean(1) if pairs.size else (np.nan, np.nan)
    return {"frames": pairs.shape[1], "input_psnr": before, "derived_psnr": after, "gain": after - before}


def evaluate(models: Path, categories: Sequence[Category], seed: int = 7) -> dict[str, Any]:
    """Evaluate the networks of a folder.

    Parameters
    ----------
    models : Path
        A folder with manifest.json.
    categories : sequence of Category
        Clear frames.
    seed : int
        Of degradations and of sampling.

    Returns
    -------
    dict
        Plain numbers for JSON: what each network is worth on each category.
    """
    report: dict[str, Any] = {}
    names = ModelSet(models).names()
    if "generator_discriminator" in names:
        gan = GanEvaluator(models)
        photographs = [category for category in categories if category.name not in synthesis.KINDS]
        report["clean"] = {category.name: gan.clean(category) for category in categories}
        report["degraded"] = {category.name: gan.degraded([category], seed) for category in photographs}
    if "posterior" in names:
        vae = VaeEvaluator(models)
        report["vae"] = {category.name: vae.report(category, seed) for category in categories}
    return report
