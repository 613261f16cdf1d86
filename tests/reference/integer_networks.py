"""Slow, obvious twins of the integer networks: whole transposed convolutions by definition, no phases, no blocks."""

import numpy as np


def requantise(sums, input_step, weight_steps, output_step, zero=0):
    """Scale integer sums with channels last, in float32 as the graph does, round half to even, saturate."""
    factor = np.float32(input_step) * weight_steps.astype(np.float32) / np.float32(output_step)
    return np.clip(np.rint(sums.astype(np.float32) * factor) + zero, 0, 255).astype(np.int64)


def tile_to_blocks(tile):
    return tile.reshape(16, 2, 16, 2).transpose(0, 2, 1, 3).reshape(16, 16, 4)


def transposed(maps, kernel, before):
    """Transposed convolution with stride 2 of maps (h, w, ci) with kernel (ci, co, k, k) to (2h, 2w, co)."""
    height, width, _ = maps.shape
    size = kernel.shape[2]
    drawn = np.zeros((2 * height + size, 2 * width + size, kernel.shape[1]), np.int64)
    for y, x in np.ndindex(height, width):
        part = np.einsum("c,cohw->hwo", maps[y, x], kernel.astype(np.int64))
        drawn[2 * y : 2 * y + size, 2 * x : 2 * x + size] += part
    return drawn[before : before + 2 * height, before : before + 2 * width]


def convolution(maps, kernel, pads):
    """Convolution of maps (h, w, ci) with kernel (co, ci, kh, kw)."""
    top, left, bottom, right = pads
    padded = np.pad(maps, ((top, bottom), (left, right), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], (0, 1))
    return np.einsum("yxchw,ochw->yxo", windows, kernel.astype(np.int64))


def per_phase(steps, side):
    """Lay steps (co, 2, 2) out over a map (side, side, co): each row and column has its phase's step."""
    return np.tile(steps.transpose(1, 2, 0), (side // 2, side // 2, 1))


def generate(network, image):
    """Derive one tile: image and result uint8 (16, 16, 4) in block order."""
    dense = network.dense
    sums = dense.weight.astype(np.int64) @ (image.reshape(-1).astype(np.int64) - 128) + dense.bias
    latent = np.maximum(requantise(sums, 1 / 128, dense.steps, network.latent_step), network.floor)
    maps = latent.reshape(8, 8, 16)
    kernel = network.spread
    sums = convolution(maps, kernel.weight, (2, 2, 2, 2))
    maps = requantise(sums, network.latent_step, kernel.steps, network.spread_step)
    sums = transposed(maps, network.grow, 1)
    maps = requantise(sums, network.spread_step, per_phase(network.grow_steps, 16), network.grow_step)
    sums = transposed(maps, network.draw, 1)
    steps = per_phase(network.draw_steps[None], 32)
    drawn = requantise(sums, network.grow_step, steps, network.draw_step, zero=128)[..., 0]
    levels = 256 / (1 + np.exp(-2 * network.draw_step * (drawn - 128)))
    return tile_to_blocks(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def judge(network, tile):
    """Return features (8, 8, 128) and verdict of one tile given in block order (16, 16, 4)."""
    kernel = network.first
    sums = convolution(tile.astype(np.int64) - 128, kernel.weight, (1, 1, 1, 1)) + kernel.bias
    maps = requantise(sums, 1 / 128, kernel.steps, network.first_step)
    kernel = network.second
    sums = convolution(maps, kernel.weight, (1, 1, 2, 2))[::2, ::2] + kernel.bias
    features = requantise(sums, network.first_step, kernel.steps, network.second_step)
    dense = network.verdict
    sums = dense.weight.astype(np.int64) @ features.reshape(-1) + dense.bias
    return features, requantise(sums, network.second_step, dense.steps, network.verdict_step, zero=128)
