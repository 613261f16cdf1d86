"""A small network at the verifier that says which blocks were changed, from the signed code and the one received.

Three 3x3 convolutions on the 16x16 blocks, 11,297 weights for a code of one value a block; learnt from benign changes
and edits of pictures that are not judged on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from sealframe.training.run import descend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from sealframe.training.block_features import Values

BATCH, RATE = 32, 4e-3
WIDTH = 32


class Comparator:
    """Scores every block; higher means changed."""

    def __init__(self, values: int, step: float, seed: int) -> None:
        torch.manual_seed(seed)
        self._step = step
        self.network = nn.Sequential(
            nn.Conv2d(5 * values + 1, WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, 1, 3, padding=1),
        )

    def _inputs(self, signed: Sequence[Values], received: Sequence[Values]) -> Tensor:
        """Both codes, their difference, the same without the median, what leaves the interval; ones tell the border."""
        before, after = (np.stack(codes).transpose(0, 3, 1, 2) for codes in (signed, received))
        change = after - before
        levelled = change - np.median(change, (2, 3), keepdims=True)
        beyond = np.maximum(np.abs(levelled) - self._step / 2, 0)
        ones = np.ones((len(before), 1, *before.shape[2:]))
        parts = [before / 128 - 1, after / 128 - 1, change / 16, levelled / 16, beyond / 8, ones]
        return torch.from_numpy(np.concatenate(parts, 1)).float()

    def learn(
        self,
        signed: Sequence[Values],
        received: Sequence[Values],
        shares: NDArray[np.float64],
        seed: int,
        steps: int = 800,
    ) -> None:
        """Learn from codes (16, 16, values) and the share of every block that was edited (n, 16, 16)."""
        inputs, wanted = self._inputs(signed, received), torch.from_numpy(shares > 0.5).float()
        certain = torch.from_numpy((shares > 0.5) | (shares == 0)).float()
        optimiser = torch.optim.Adam(self.network.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(steps):
            chosen = torch.randint(len(inputs), (BATCH,), generator=generator)
            x, y, counts = inputs[chosen], wanted[chosen], certain[chosen]
            if torch.rand((), generator=generator) < 0.5:
                x, y, counts = x.flip(3), y.flip(2), counts.flip(2)
            loss = F.binary_cross_entropy_with_logits(self.network(x)[:, 0], y, counts)
            descend(loss, optimiser)
            schedule.step()

    @torch.no_grad()
    def scores(self, signed: Values, received: Values) -> NDArray[np.float64]:
        """Score of every block: float64 (16, 16)."""
        scores = self.network(self._inputs([signed], [received]))[0, 0]
        return np.asarray(scores.double().numpy())
