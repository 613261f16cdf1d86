# The native core. Private: the modules of sealframe wrap it; the docstrings are in the module.
#
# Every function refuses an array of another type or byte order with TypeError and a shape or number out of range with
# ValueError, takes any strides, and writes into `out` when it is given (writable, C-contiguous, of the result's type
# and shape, sharing no memory with an input). What a call must have is positional, options have names. The result is
# the same on every instruction set.

from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

def version() -> str: ...
def isa() -> str: ...
def isas() -> tuple[str, ...]: ...
def set_isa(name: str, /) -> None: ...
def gray(image: NDArray[np.uint8], order: str, /, *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]: ...
@overload
def area_mean(
    image: NDArray[np.uint8],
    order: str,
    height: int,
    width: int,
    /,
    *,
    feature: Literal["gray", "binary"] = "gray",
    threshold: int = 128,
    layout: Literal["rows", "blocks"] = "rows",
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]: ...
@overload
def area_mean(
    image: NDArray[np.uint8],
    order: str,
    height: int,
    width: int,
    /,
    *,
    feature: Literal["standardised"],
    threshold: int = 128,
    layout: Literal["rows"] = "rows",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...
def block(rows: NDArray[np.uint8], /, *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]: ...
def unblock(
    tiles: NDArray[np.uint8], height: int, width: int, /, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]: ...
def random_words(
    seed: bytes, first: int, count: int, /, *, out: NDArray[np.uint16] | None = None
) -> NDArray[np.uint16]: ...
def bernoulli(
    gray: NDArray[np.uint8], seed: bytes, first: int = 0, /, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]: ...
def binarise(
    gray: NDArray[np.uint8], threshold: int = 128, /, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]: ...
def standardise(gray: NDArray[np.uint8], /, *, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]: ...
def spectrum(rows: NDArray[np.uint8], /, *, out: NDArray[np.int16] | None = None) -> NDArray[np.int16]: ...
def sample_posterior(
    mean: NDArray[np.uint8],
    log_variance: NDArray[np.uint8],
    seed: bytes,
    first: int = 0,
    /,
    *,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]: ...
def window_cosine(
    a: NDArray[np.uint8], b: NDArray[np.uint8], k: int = 7, /, *, out: NDArray[np.int8] | None = None
) -> NDArray[np.int8]: ...
@overload
def channel_cosine(
    a: NDArray[np.uint8], b: NDArray[np.uint8], /, *, zero: int = 128, out: NDArray[np.int8] | None = None
) -> NDArray[np.int8]: ...
@overload
def channel_cosine(
    a: NDArray[np.float32], b: NDArray[np.float32], /, *, zero: int = 128, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]: ...
def block_means(
    image: NDArray[np.uint8], size: int = 8, /, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]: ...
def row_sums(values: NDArray[np.int8], /, *, out: NDArray[np.int32] | None = None) -> NDArray[np.int32]: ...
def norms(values: NDArray[np.int8], /, *, out: NDArray[np.int64] | None = None) -> NDArray[np.int64]: ...
def rank(values: NDArray[np.int8], /) -> int: ...
def leading_pair(
    values: NDArray[np.int8], /, *, out: NDArray[np.int32] | None = None
) -> tuple[int, NDArray[np.int32]]: ...
