"""The native core. Private: the modules of sealframe wrap it.

Every function refuses an array of another type or byte order with TypeError and a shape or number out of range with
ValueError, takes any strides, and writes into `out` when it is given (writable, C-contiguous, of the result's type
and shape, sharing no memory with an input). The result is the same on every instruction set.
"""

from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

def version() -> str: ...
def isa() -> str:
    """The instruction set in use: the best usable one unless SEALFRAME_ISA or set_isa() says otherwise."""

def isas() -> tuple[str, ...]:
    """The instruction sets that this CPU can run, best last."""

def set_isa(name: str) -> None:
    """Use this instruction set from now on, in all threads. Raises ValueError when this CPU cannot."""

@overload
def area_mean(
    image: NDArray[np.uint8],
    order: str,
    height: int,
    width: int,
    *,
    feature: Literal["gray", "binary"] = "gray",
    threshold: int = 128,
    layout: Literal["rows", "blocks"] = "rows",
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Exact area mean of the luma of (H, W) gray or (H, W, C) rgb, bgr, rgba, bgra; sides 1..65535.

    The output's sides are 1..4096. `feature` is gray (uint8), binary (uint8, 1 where mean >= threshold) or
    standardised (float32 in [-1, 1]); `layout` is rows (height, width) or blocks (height/32 * width/32, 8, 8, 16).
    """

@overload
def area_mean(
    image: NDArray[np.uint8],
    order: str,
    height: int,
    width: int,
    *,
    feature: Literal["standardised"],
    threshold: int = 128,
    layout: Literal["rows"] = "rows",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...
def block(rows: NDArray[np.uint8], *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """(H, W) to 32x32 tiles (H/32 * W/32, 8, 8, 16) in 4x4 block order; sides are multiples of 32 up to 4096."""

def unblock(
    tiles: NDArray[np.uint8], height: int, width: int, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The inverse of block()."""

def window_cosine(
    a: NDArray[np.uint8], b: NDArray[np.uint8], k: int = 7, *, out: NDArray[np.int8] | None = None
) -> NDArray[np.int8]:
    """Cosine of the k x k windows (odd, 3..15, cut at the border) of p - 128, in 1/127: int8 (H, W)."""

def block_means(image: NDArray[np.uint8], size: int = 8, *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Rounded mean of each size x size block: uint8 (H/size, W/size); size is a power of two up to 128."""

def row_sums(map: NDArray[np.int8], *, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
    """Sum of each row of (H, W): int32 (H,)."""

def norms(map: NDArray[np.int8], *, out: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Sum of |x|, sum of x^2, largest sum of |x| over one row: int64 (3,)."""
