"""How fast the native core is on this machine, beside NumPy, OpenCV, SciPy, SimSIMD and torch where they are installed.

Every case and its peers run in turn in one process and the calling thread's processor time is counted, so that a ratio
below 1 means faster than the peer whatever else the machine does. Peers run in one thread, with preallocated outputs,
on the same data. Only NumPy's and SciPy's linear algebra chooses its own threads when it is loaded, and waits for them:
start with OPENBLAS_NUM_THREADS=1 for ratios of one thread to rank and leading pair.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

SAMPLE_SECONDS = 0.002
SAMPLES = 15
CACHE_BYTES = 1 << 20
MEMORY_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Case:
    """One kernel on one size: what is called, input bytes of a call, and of all inputs that calls take in turn."""

    stage: str
    name: str
    ours: Callable[[], object]
    input_bytes: int
    peers: dict[str, Callable[[], object]] = field(default_factory=dict)
    all_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A measured case: microseconds a call, share of the speed of mere reading, time relative to each peer."""

    stage: str
    name: str
    microseconds: float
    share_of_read_limit: float
    ratios: dict[str, float]


@dataclass(frozen=True, slots=True)
class Measurements:
    """Every case on this machine: instruction set, speeds of mere reading and copying, and the rows."""

    isa: str
    read_gb_per_s: dict[str, float]
    copy_gb_per_s: dict[str, float]
    rows: list[Row]


def measure_all(progress: Callable[[str], None]) -> Measurements:
    """Measure every case; `progress` is told which one is next."""
    limits = {"in cache": read_limit(CACHE_BYTES), "from memory": read_limit(MEMORY_BYTES)}
    copies = {"in cache": copy_limit(CACHE_BYTES), "from memory": copy_limit(MEMORY_BYTES)}
    todo, rows = list(cases()), []
    for number, case in enumerate(todo, 1):
        progress(f"{number}/{len(todo)} {case.stage}: {case.name}")
        rows.append(measure(case))
    return Measurements(_core.isa(), limits, copies, rows)


def measure(case: Case) -> Row:
    """Median times of the case, of reading as many bytes as its calls do, and of the peers, interleaved."""
    words = np.ones(max(case.input_bytes, case.all_bytes, CACHE_BYTES) // 8, np.uint64)
    calls: dict[str, Callable[[], object]] = {
        "sealframe": case.ours,
        "reading": lambda: np.bitwise_or.reduce(words),
        **case.peers,
    }
    repeats = {name: _repeats(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(SAMPLES):
        for name, call in calls.items():
            times[name].append(_seconds(call, repeats[name]))
    medians = {name: statistics.median(found) for name, found in times.items()}
    ours, reading = medians.pop("sealframe"), medians.pop("reading")
    share = (case.input_bytes / ours) / (words.nbytes / reading)
    return Row(case.stage, case.name, ours * 1e6, share, {name: ours / other for name, other in medians.items()})


def read_limit(size: int) -> float:
    """GB/s at which one core sums up bytes of a buffer of this size."""
    words = np.ones(size // 8, np.uint64)
    return size / _best(lambda: np.bitwise_or.reduce(words)) / 1e9


def copy_limit(size: int) -> float:
    """GB/s at which one core copies a buffer of this size."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    return size / _best(lambda: np.copyto(target, source)) / 1e9


def cases(stage: str | None = None) -> Iterator[Case]:
    """All cases, or those of one stage."""
    makers = {
        "image": _image_cases,
        "features": _feature_cases,
        "similarity": _similarity_cases,
        "image_factor": _image_factor_cases,
    }
    for name, make in makers.items():
        if stage in (None, name):
            yield from make()


def _image_cases() -> Iterator[Case]:
    for height, width in ((480, 640), (1080, 1920)):
        frame, out = _frame(height, width), np.empty((height, width), np.uint8)
        peers: dict[str, Callable[[], object]] = {}
        if cv2 := _opencv():
            peers["OpenCV"] = functools.partial(cv2.cvtColor, frame, cv2.COLOR_RGB2GRAY, dst=out.copy())
        ours = functools.partial(_core.gray, frame, "rgb", out=out)
        yield Case("image", f"gray {width}x{height}", ours, frame.nbytes, peers)


def _feature_cases() -> Iterator[Case]:
    for height, width in ((480, 640), (720, 1280), (1080, 1920)):
        frame = _frame(height, width)
        for side in (32, 64, 128):
            yield _area_mean_case([frame], side)
    yield _area_mean_case([frame.copy() for _ in range(1 + MEMORY_BYTES // frame.nbytes)], 32)
    gray, sampled = _frame(512, 512)[..., 0].copy(), np.empty((512, 512), np.uint8)
    rng, seed = np.random.default_rng(0), bytes(32)
    yield Case(
        "features",
        "Bernoulli samples 512x512",
        functools.partial(_core.bernoulli, gray, seed, out=sampled),
        gray.nbytes,
        {"NumPy": lambda: rng.integers(0, 255, gray.shape, np.uint8) < gray},
    )
    yield _spectrum_case(gray)


def _area_mean_case(frames: list[NDArray[np.uint8]], side: int) -> Case:
    """One frame stays in the cache; more than it holds come from memory, as from a camera."""
    height, width = frames[0].shape[:2]
    next_frame, out = itertools.cycle(frames).__next__, np.empty((side, side), np.float32)
    peers: dict[str, Callable[[], object]] = {}
    if cv2 := _opencv():
        gray, small = np.empty((height, width), np.uint8), np.empty((side, side), np.uint8)
        floats = np.empty((side, side), np.float32)

        def with_opencv() -> None:
            cv2.cvtColor(next_frame(), cv2.COLOR_RGB2GRAY, dst=gray)
            cv2.resize(gray, (side, side), dst=small, interpolation=cv2.INTER_AREA)
            cv2.normalize(small, floats, -1, 1, cv2.NORM_MINMAX, cv2.CV_32F)

        peers["OpenCV, three calls"] = with_opencv

    def ours() -> None:
        _core.area_mean(next_frame(), "rgb", side, side, feature="standardised", out=out)

    where = ", from memory" if len(frames) > 1 else ""
    name = f"features {width}x{height} to {side}x{side}{where}"
    return Case("features", name, ours, frames[0].nbytes, peers, sum(frame.nbytes for frame in frames))


def _spectrum_case(gray: NDArray[np.uint8]) -> Case:
    out = np.empty((256, 32, 32), np.int16)
    peers: dict[str, Callable[[], object]] = {}
    if fft := _module("scipy.fft"):
        tiles = gray.reshape(16, 32, 16, 32).swapaxes(1, 2).astype(np.float32)
        peers["SciPy float32"] = lambda: fft.dctn(tiles, axes=(2, 3), norm="ortho")
    ours = functools.partial(_core.spectrum, gray, out=out)
    return Case("features", "DCT of 256 tiles 32x32", ours, gray.nbytes, peers)


def _similarity_cases() -> Iterator[Case]:
    a, b = _frame(128, 128)[..., 0].copy(), _frame(128, 128, 1)[..., 0].copy()
    for k in (3, 7, 15):
        ours = functools.partial(_core.window_cosine, a, b, k, out=np.empty((128, 128), np.int8))
        peers = {"OpenCV": _opencv_window_cosine(a, b, k)} if _opencv() else {}
        yield Case("similarity", f"window cosine 128x128, k = {k}", ours, 2 * a.nbytes, peers)
    for channels in (3, 64, 128):
        p, q = np.random.default_rng(channels).normal(0, 1, (2, 64, 64, channels)).astype(np.float32)
        out = np.empty((64, 64), np.float32)
        ours = functools.partial(_core.channel_cosine, p, q, out=out)
        yield Case("similarity", f"channel cosine float32, C = {channels}", ours, 2 * p.nbytes, _channel_peers(p, q))
    for channels in (3, 64, 128):
        x, y = np.random.default_rng(channels).integers(0, 256, (2, 64, 64, channels), np.uint8)
        ours = functools.partial(_core.channel_cosine, x, y, zero=0, out=np.empty((64, 64), np.int8))
        yield Case("similarity", f"channel cosine uint8, C = {channels}", ours, 2 * x.nbytes, _simsimd_peer(x, y))


def _opencv_window_cosine(a: NDArray[np.uint8], b: NDArray[np.uint8], k: int) -> Callable[[], object]:
    cv2 = _opencv()
    p, q = a.astype(np.float32) - 128, b.astype(np.float32) - 128
    product, dot, aa, bb = (np.empty_like(p) for _ in range(4))

    def box(x: NDArray[np.float32], y: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        cv2.multiply(x, y, dst=product)
        cv2.boxFilter(product, -1, (k, k), dst=out, normalize=False, borderType=cv2.BORDER_CONSTANT)

    def with_opencv() -> None:
        box(p, q, dot)
        box(p, p, aa)
        box(q, q, bb)
        cv2.multiply(aa, bb, dst=aa)
        cv2.sqrt(aa, dst=aa)
        cv2.divide(dot, aa, dst=dot)

    return with_opencv


def _channel_peers(p: NDArray[np.float32], q: NDArray[np.float32]) -> dict[str, Callable[[], object]]:
    def with_numpy() -> NDArray[np.float32]:
        dot, pp, qq = (np.einsum("ijk,ijk->ij", x, y) for x, y in ((p, q), (p, p), (q, q)))
        return np.asarray(dot / np.sqrt(pp * qq))

    peers: dict[str, Callable[[], object]] = {"NumPy": with_numpy, **_simsimd_peer(p, q)}
    if torch := _module("torch"):
        torch.set_num_threads(1)
        tensors = [torch.from_numpy(x) for x in (p, q)]
        peers["torch"] = lambda: torch.nn.functional.cosine_similarity(*tensors, dim=-1)
    return peers


def _simsimd_peer(p: NDArray[Any], q: NDArray[Any]) -> dict[str, Callable[[], object]]:
    simsimd = _module("simsimd")
    flat = [x.reshape(-1, x.shape[-1]) for x in (p, q)]
    return {"SimSIMD": lambda: simsimd.cosine(*flat)} if simsimd else {}


def _image_factor_cases() -> Iterator[Case]:
    values = np.random.default_rng(0).integers(-128, 128, (128, 128), np.int8)
    yield Case(
        "image_factor",
        "block means 128x128",
        functools.partial(_core.block_means, values.view(np.uint8)),
        values.nbytes,
        {"NumPy": lambda: values.view(np.uint8).reshape(16, 8, 16, 8).mean(axis=(1, 3))},
    )
    yield Case(
        "image_factor",
        "row sums 128x128",
        functools.partial(_core.row_sums, values),
        values.nbytes,
        {"NumPy": lambda: values.sum(axis=1, dtype=np.int32)},
    )
    wide = values.astype(np.float32)
    yield Case(
        "image_factor",
        "norms 128x128",
        functools.partial(_core.norms, values),
        values.nbytes,
        {"NumPy float32": lambda: (np.abs(wide).sum(), np.vdot(wide, wide), np.linalg.norm(wide, np.inf))},
    )
    small = values[:64, :64].copy()
    doubles = small.astype(np.float64)
    yield Case(
        "image_factor",
        "rank 64x64",
        functools.partial(_core.rank, small),
        small.nbytes,
        {"NumPy": lambda: np.linalg.matrix_rank(doubles)},
    )
    peers: dict[str, Callable[[], object]] = {"NumPy svd": lambda: np.linalg.svd(doubles)}
    if linalg := _module("scipy.linalg"):
        peers["SciPy eigh, top 1"] = lambda: linalg.eigh(doubles.T @ doubles, subset_by_index=(63, 63))
    yield Case("image_factor", "leading pair 64x64", functools.partial(_core.leading_pair, small), small.nbytes, peers)


def _frame(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@functools.cache
def _module(name: str) -> Any:
    """The module, or None when it is not installed."""
    top = name.split(".")[0]
    return importlib.import_module(name) if importlib.util.find_spec(top) else None


def _opencv() -> Any:
    """OpenCV in one thread, or None."""
    cv2 = _module("cv2")
    if cv2:
        cv2.setNumThreads(1)
    return cv2


def _seconds(call: Callable[[], object], repeats: int) -> float:
    start = time.thread_time()
    for _ in range(repeats):
        call()
    return (time.thread_time() - start) / repeats


def _repeats(call: Callable[[], object]) -> int:
    call()
    return max(1, int(SAMPLE_SECONDS / _seconds(call, 3)))


def _best(call: Callable[[], object]) -> float:
    repeats = _repeats(call)
    return min(_seconds(call, repeats) for _ in range(SAMPLES))
