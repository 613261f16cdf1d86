"""The networks beside their peers, in turns, on one thread: `python benchmarks/networks.py [--rounds N]`.

Peers have the same layers at float precision, as torch.onnx.export writes them ("naive", two sessions of ONNX Runtime
as it comes), as PyTorch runs them, and quantised to 8 bits by NNCF for OpenVINO where both are installed (`pip install
openvino nncf`). GAN: generator, then discriminator on image and derived image. VAE: posterior, sample, likelihood.
Ratios of medians of process CPU time; sealframe's whole job is 1.00, a peer at 2.00 takes twice as long.

The share of the peak: sealframe's multiplications a second beside those of the core's 8-bit instructions in registers,
in turns of these two.
"""

from __future__ import annotations

import ctypes
import io
import math
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from sealframe import _core
from sealframe.models import ModelSet, shipped_models
from sealframe.training.networks import Discriminator, Generator
from sealframe.training.vae_networks import LikelihoodNet, PosteriorNet
from turns import rounds_of_command_line, time_in_turns

Tiles = NDArray[np.uint8]
Job = Callable[[Tiles], object]
BATCHES = (1, 16)
OURS = "sealframe"
SEED = bytes(32)
MACS = {"gan": 17.8e6 + 2 * 13.7e6, "vae": 3.5e6 + 1.7e6}
"""Multiplications a tile of the layers by their definition; zeros in rewritten kernels do not count."""
ROUNDS, PEAK_ROUNDS = 60, 100_000


def _options(level: ort.GraphOptimizationLevel = ort.GraphOptimizationLevel.ORT_ENABLE_ALL) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    return options


def exported(network: torch.nn.Module, example: torch.Tensor) -> bytes:
    """What torch.onnx.export makes of a network, for any number of tiles."""
    buffer = io.BytesIO()
    outputs = network(example)
    names = [f"out{number}" for number in range(len(outputs) if isinstance(outputs, tuple) else 1)]
    axes = {name: {0: "tiles"} for name in ["in", *names]}
    torch.onnx.export(
        network, (example,), buffer, dynamo=False, input_names=["in"], output_names=names, dynamic_axes=axes
    )
    return buffer.getvalue()


def _standardised(tiles: Tiles) -> NDArray[np.float32]:
    return (tiles.reshape(-1, 1, 32, 32).astype(np.float32) - 128) / 128


def _binary(tiles: Tiles) -> NDArray[np.float32]:
    return (tiles.reshape(-1, 1024) >> 7).astype(np.float32)


class Floats:
    """The four networks in float32, with random weights: they cost what trained ones cost."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.generator, self.discriminator = Generator().eval(), Discriminator().eval()
        self.posterior, self.likelihood = PosteriorNet().eval(), LikelihoodNet().eval()
        tile = torch.zeros(2, 1, 32, 32)
        self.files = {
            "generator": exported(self.generator, tile),
            "discriminator": exported(self.discriminator, tile),
            "posterior": exported(self.posterior, torch.zeros(2, 1024)),
            "likelihood": exported(self.likelihood, tile),
        }

    @torch.no_grad()
    def gan(self, tiles: Tiles) -> object:
        """PyTorch, eager."""
        image = torch.from_numpy(_standardised(tiles))
        return self.discriminator(torch.cat([image, self.generator(image)]))

    @torch.no_grad()
    def vae(self, tiles: Tiles) -> object:
        """PyTorch, eager."""
        mean, log_variance = self.posterior(torch.from_numpy(_binary(tiles)))
        return self.likelihood(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean))


Run = Callable[[NDArray[np.float32]], list[NDArray[Any]]]


def chained(runs: dict[str, Run]) -> dict[str, Job]:
    """Both jobs from four networks in float."""
    rng = np.random.default_rng(1)

    def gan(tiles: Tiles) -> object:
        image = _standardised(tiles)
        (derived,) = runs["generator"](image)
        return runs["discriminator"](np.concatenate([image, derived]))

    def vae(tiles: Tiles) -> object:
        mean, log_variance = runs["posterior"](_binary(tiles))
        noise = rng.standard_normal(mean.shape, np.float32)
        return runs["likelihood"](mean + np.exp(0.5 * log_variance) * noise)

    return {"gan": gan, "vae": vae}


def naive(files: dict[str, bytes]) -> dict[str, Job]:
    """ONNX Runtime on the exports, with all its optimisations."""
    sessions = {name: ort.InferenceSession(content, _options()) for name, content in files.items()}
    return chained({name: lambda x, s=session: s.run(None, {"in": x}) for name, session in sessions.items()})


def openvino_int8(files: dict[str, bytes]) -> dict[str, Job]:
    """OpenVINO on the exports, quantised by NNCF against random tiles."""
    import nncf
    import openvino

    nncf.set_log_level(40)
    core, rng, runs = openvino.Core(), np.random.default_rng(1), {}
    for name, content in files.items():
        shape = (16, 1024) if name == "posterior" else (16, 1, 32, 32)
        samples = [rng.uniform(-1, 1, shape).astype(np.float32) for _ in range(8)]
        quantised = nncf.quantize(core.read_model(io.BytesIO(content)), nncf.Dataset(samples), subset_size=8)
        compiled = core.compile_model(quantised, "CPU", {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        runs[name] = lambda x, r=request: [np.array(value) for value in r.infer({0: x}).values()]
    return chained(runs)


def ours(models: ModelSet) -> dict[str, Job]:
    """As sealing runs them: integers, one session for both networks of the GAN path."""
    outputs = ["derived", "features", "verdict"]

    def vae(tiles: Tiles) -> object:
        mean, log_variance = models.run("posterior", ["mean", "log_variance"], tiles.reshape(-1, 32, 32) >> 7)
        return models.run("likelihood", ["probability"], _core.sample_posterior(mean, log_variance, SEED))

    return {"gan": lambda tiles: models.run("generator_discriminator", outputs, tiles), "vae": vae}


def int8_products() -> Callable[[], int] | None:
    """A job of 8-bit instructions in registers that tells its products; None without a C compiler or any such."""
    source = Path(__file__).with_name("int8_peak.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "int8_peak.so"
        compiler = [os.environ.get("CC", "cc"), "-O3", "-march=native", "-shared", "-fPIC"]
        try:
            subprocess.run([*compiler, "-o", library, source], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        add_products = ctypes.CDLL(str(library)).add_products
    add_products.argtypes, add_products.restype = [ctypes.c_int64], ctypes.c_int64
    return (lambda: int(add_products(PEAK_ROUNDS))) if add_products(1) else None


def share_of_peak(job: Callable[[], object], macs: float, products: Callable[[], int] | None, rounds: int) -> float:
    """Multiplications a second beside those of the core's 8-bit instructions, which leave the caches to the job."""
    if products is None:
        return math.nan
    spent = time_in_turns({"job": job, "peak": products}, rounds)
    return macs / spent["job"].cpu / (products() / spent["peak"].cpu)


def creation(floats: Floats) -> dict[str, Callable[[], object]]:
    """Making the sessions of the GAN path."""
    content = shipped_models().read("generator_discriminator")
    plain = _options(ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    names = ("generator", "discriminator")
    return {
        OURS: lambda: ort.InferenceSession(content, plain),
        "naive float export": lambda: [ort.InferenceSession(floats.files[name], _options()) for name in names],
    }


def main() -> None:
    """Measure and print."""
    rounds = rounds_of_command_line(__doc__, ROUNDS)
    torch.set_num_threads(1)
    floats = Floats()
    contenders: dict[str, dict[str, Job]] = {
        OURS: ours(shipped_models()),
        "naive float export": naive(floats.files),
        "torch eager": {"gan": floats.gan, "vae": floats.vae},
    }
    if all(find_spec(name) for name in ("openvino", "nncf")):
        contenders["OpenVINO int8"] = openvino_int8(floats.files)
    products = int8_products()
    print("| job | " + " | ".join(contenders) + " | share of the peak |")
    print("| --- |" + " --- |" * (len(contenders) + 1))
    for job in ("gan", "vae"):
        for batch in BATCHES:
            tiles = np.random.default_rng(3).integers(0, 256, (batch, 16, 16, 4)).astype(np.uint8)
            jobs = {name: partial(both[job], tiles) for name, both in contenders.items()}
            found = time_in_turns(jobs, rounds)
            ratios = " | ".join(f"{found[name].cpu / found[OURS].cpu:.2f}" for name in contenders)
            share = share_of_peak(jobs[OURS], MACS[job] * batch, products, rounds)
            print(f"| {job}, {batch} tiles | {ratios} | {share:.2f} |", flush=True)
    made = time_in_turns(creation(floats), 15)
    times = made["naive float export"].cpu / made[OURS].cpu
    print(f"\nnaive sessions take {times:.2f} times as long to make")


if __name__ == "__main__":
    main()
