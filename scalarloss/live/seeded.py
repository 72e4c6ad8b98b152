"""Numbers from a seed, the same in Python and on the page (js/random.js)."""

import math
from collections.abc import Iterator

import numpy as np

from scalarloss.primitives import Array

SEEDS = 2**32


def uniforms(seed: int) -> Iterator[float]:
    """Numbers between 0 and 1, without end, for a seed from 0 to 2³² - 1.

    Source: T. Ettinger's generator mulberry32.
    """
    state, word = seed, SEEDS - 1
    while True:
        state = (state + 0x6D2B79F5) & word
        t = ((state ^ state >> 15) * (state | 1)) & word
        t ^= (t + ((t ^ t >> 7) * (t | 61))) & word
        yield ((t ^ t >> 14) + 0.5) / SEEDS


def normal(seed: int, count: int) -> Array:
    """`count` standard normal numbers, shape (count,).

    Source: Box and Muller (1958), Ann. Math. Statist. 29(2).
    """
    draw = uniforms(seed)
    radii = [(math.sqrt(-2 * math.log(next(draw))), 2 * math.pi * next(draw)) for _ in range(count)]
    return np.array([r * math.cos(angle) for r, angle in radii])
