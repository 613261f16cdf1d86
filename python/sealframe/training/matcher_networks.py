"""The face encoder in float, as it is trained: a gray window of 64x64 around a face becomes a vector.

The layers are of the kind that the method's decoder has, 3x3 convolutions with stride 2, wider and one more, under a
fully connected metric head. Batch normalisation behind every convolution is folded into its weights on export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 64
VECTOR = 128
CHANNELS = (24, 64, 128, 192)
STRIDES = (2, 2, 2, 2)
_MAPS = 4


class ConvolutionLayer(nn.Module):
    """Convolution 3x3, SAME as TensorFlow pads it (more behind than in front), batch normalisation, relu."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.kernel = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
        self.normalise = nn.BatchNorm2d(outputs)

    @property
    def pads(self) -> tuple[int, int, int, int]:
        """Rows and columns added: top, left, bottom, right."""
        return (0, 0, 1, 1) if self.stride == 2 else (1, 1, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        top, left, bottom, right = self.pads
        maps = self.kernel(F.pad(maps, (left, right, top, bottom)))
        return F.relu(self.normalise(maps))


class FaceEncoder(nn.Module):
    """Four convolutions 24, 64, 128, 192 and a fully connected layer of 128."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        widths = (1, *CHANNELS)
        self.layers = nn.ModuleList(
            ConvolutionLayer(widths[index], widths[index + 1], stride) for index, stride in enumerate(STRIDES)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(CHANNELS[-1] * _MAPS * _MAPS, VECTOR)

    def convolutions(self) -> list[ConvolutionLayer]:
        """Return the convolutions, first one first."""
        return [layer for layer in self.layers if isinstance(layer, ConvolutionLayer)]

    def maps(self, windows: Tensor) -> list[Tensor]:
        """Return what leaves every convolution, from (n, 1, 64, 64) in [-1, 1)."""
        reached = [windows]
        for layer in self.convolutions():
            reached.append(layer(reached[-1]))
        return reached[1:]

    def forward(self, windows: Tensor) -> Tensor:
        """Return vectors (n, 128), of any length: only their direction counts."""
        rows = self.maps(windows)[-1].permute(0, 2, 3, 1).flatten(1)
        vectors: Tensor = self.head(self.dropout(rows))
        return vectors
