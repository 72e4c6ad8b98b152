"""The digits: 1,797 scans of handwritten ones, 8 by 8 pixels, shipped in `digits.npz`.

Source: Alpaydin, E. and Kaynak, C. (1998), Optical Recognition of Handwritten Digits, UCI Machine
Learning Repository, https://doi.org/10.24432/C50P49, its test set (`optdigits.tes`), unchanged and
in its order. Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from scalarloss.primitives import Array

FILE = Path(__file__).parent / "digits.npz"
DARKEST = 16  # a pixel counts the black ones among 4 by 4 of the scan
FIFTH = 5
ORDER = 0  # the seed of the order in which the digits to learn from come


def digits() -> tuple[Array, Array]:
    """Return the images, (1797, 8, 8) from 0 for white to 1 for black, and the labels, (1797,).

    Labels are whole numbers from 0 to 9.
    """
    with np.load(FILE) as held:
        return held["images"] / DARKEST, held["labels"].astype(int)


class Split(NamedTuple):
    """Digits to learn from, (1438, 8, 8) and (1438,), and digits held out, (359, 8, 8) and (359,).

    What is learned from comes in an order once shuffled; batches may be read off in a row.
    """

    images: Array
    labels: Array
    held_images: Array
    held_labels: Array


def split() -> Split:
    """Return the digits with every fifth held out, the same ones every time."""
    images, labels = digits()
    held = np.arange(len(labels)) % FIFTH == FIFTH - 1
    order = np.random.default_rng(ORDER).permutation(np.flatnonzero(~held))
    return Split(images[order], labels[order], images[held], labels[held])
