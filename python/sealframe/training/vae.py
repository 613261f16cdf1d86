"""Train the VAE path (M11): binary pixels, sampling by reparameterisation, the ELBO with a slowly growing KL term."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.training.networks import tiles_to_blocks
from sealframe.training.pairs import Mix, Pairs
from sealframe.training.recipes import with_facts
from sealframe.training.scan import held_out
from sealframe.training.vae_networks import LikelihoodNet, PosteriorNet, divergence, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from sealframe.training.scan import Picture

CHECKPOINT = "vae.pt"
THRESHOLD = 128


@dataclass(frozen=True)
class VaeRecipe:
    """All that determines a VAE run besides the pictures."""

    steps: int = 12000
    seed: int = 1
    batch: int = 64
    rate: float = 1e-3
    divergence_weight: float = 0.03
    """Weight of the KL term at its highest: at 1 the posterior of a whole map collapses to N(0, 1)."""
    warm_up: float = 0.3
    """Part of the run over which the weight grows from zero."""
    averaging: float = 0.998
    bfloat16: bool = False
    mix: Mix = field(default_factory=lambda: Mix(degraded=0.15))
    held_out: tuple[str, ...] = ()


def binarise(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Threshold gray tiles to {0, 1} (M3)."""
    return (tiles >= THRESHOLD).astype(np.uint8)


def to_pixels(tiles: NDArray[np.uint8]) -> Tensor:
    """Binarise gray tiles (n, 32, 32) to float32 (n, 1, 32, 32)."""
    return torch.from_numpy(binarise(tiles)).unsqueeze(1).float()


def bits_per_pixel(logits: Tensor, pixels: Tensor) -> Tensor:
    """Negative log-likelihood of binary pixels (n, 1, 32, 32) under logits (n, 8, 8, 16), in bits."""
    return F.binary_cross_entropy_with_logits(logits.float(), tiles_to_blocks(pixels)) / math.log(2)


class VaeRun:
    """State of one run: both networks, their running averages, the optimiser, and the losses so far."""

    def __init__(self, recipe: VaeRecipe, pictures: Sequence[Picture], out: Path) -> None:
        """Start afresh, or go on from the checkpoint in `out` when one of the same recipe is there."""
        torch.manual_seed(recipe.seed)
        kept = [p for p in pictures if not (p.source in recipe.held_out or held_out(p.source))]
        self.recipe = recipe
        self.pairs = Pairs(kept, recipe.mix, recipe.seed)
        self.out = out
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.networks = torch.nn.ModuleList([PosteriorNet(), LikelihoodNet()])
        self.averaged = torch.nn.ModuleList([PosteriorNet(), LikelihoodNet()])
        self.averaged.load_state_dict(self.networks.state_dict())
        self.optimiser = torch.optim.Adam(self.networks.parameters(), lr=recipe.rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate_factor)
        self._resume()

    def _rate_factor(self, step: int) -> float:
        return min(1.0, (step + 1) / 300) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.recipe.steps)))

    def _parts(self) -> dict[str, Any]:
        return {
            "networks": self.networks,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def save(self) -> None:
        """Write the checkpoint, replacing the last one only when the new one is complete."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "history": self.history, "random": torch.get_rng_state()}
        state["recipe"] = asdict(self.recipe)
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(state, self.out / "vae.new")
        (self.out / "vae.new").replace(self.out / CHECKPOINT)
        (self.out / "vae-recipe.json").write_text(json.dumps(asdict(self.recipe), indent=2) + "\n")

    def _resume(self) -> None:
        if not (self.out / CHECKPOINT).exists():
            return
        state = torch.load(self.out / CHECKPOINT, weights_only=True)
        if with_facts(VaeRecipe(), state["recipe"]) != self.recipe:
            raise ValueError(f"{self.out} holds a run of another recipe; choose an empty folder")
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.history = state["step"], state["history"]
        torch.set_rng_state(state["random"])

    def advance(self) -> dict[str, float]:
        """Take one step: encode, sample, decode, estimate the ELBO, update (M11)."""
        recipe = self.recipe
        tiles, _ = self.pairs.batch(self.step, recipe.batch)
        pixels = to_pixels(tiles)
        posterior, likelihood = self.networks
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            mean, log_variance = (value.float() for value in posterior(pixels))
            bits = bits_per_pixel(likelihood(sample(mean, log_variance)), pixels)
        nats = divergence(mean, log_variance)
        weight = recipe.divergence_weight * min(1.0, self.step / (recipe.warm_up * recipe.steps))
        loss = bits * math.log(2) + weight * nats
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        keep = min(recipe.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for average, new in zip(self.averaged.parameters(), self.networks.parameters(), strict=True):
                average.lerp_(new, 1 - keep)
        self.step += 1
        return {"bits": float(bits.detach()), "divergence": float(nats.detach())}

    def run(self, report: Callable[[str], None], every: int = 200, save_every: int = 2000) -> None:
        """Train to the last step, reporting a line now and then and saving checkpoints."""
        started, first = time.monotonic(), self.step
        losses: list[dict[str, float]] = []
        while self.step < self.recipe.steps:
            losses.append(self.advance())
            if self.step % every == 0:
                means = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
                losses = []
                self.history.append({"step": self.step, **means})
                left = (time.monotonic() - started) / (self.step - first) * (self.recipe.steps - self.step)
                facts = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
                report(f"step {self.step}/{self.recipe.steps}  {facts}  {left / 60:.1f} min left")
            if self.step % save_every == 0:
                self.save()
        self.save()
