"""The digits: all of them, unchanged, split the same way every time, and part of the package."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

from scalarloss.data import digits, split

ROOT = Path(__file__).parents[1]


def test_they_are_the_published_ones():
    images, labels = digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.float64)
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_array_equal(
        np.bincount(labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )
    counts = (16 * images).astype(np.uint8)
    np.testing.assert_array_equal(counts / 16, images)  # sixteenths, nothing between
    assert counts[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    found = hashlib.sha256(counts.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert found == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_every_fifth_is_held_out_and_none_is_in_both():
    images, labels = digits()
    found = split()
    assert [len(a) for a in found] == [1438, 1438, 359, 359]
    np.testing.assert_array_equal(found.held_images, images[4::5])
    np.testing.assert_array_equal(found.held_labels, labels[4::5])
    rest = [i for i in range(1797) if i % 5 != 4]
    pairs = [(x.tobytes(), y) for x, y in zip(images[rest], labels[rest], strict=True)]
    mine = [(x.tobytes(), y) for x, y in zip(found.images, found.labels, strict=True)]
    assert sorted(mine) == sorted(pairs)
    assert mine != pairs
    for again, before in zip(split(), found, strict=True):
        np.testing.assert_array_equal(again, before)


def test_batches_in_a_row_hold_every_digit():
    labels = split().labels
    for start in range(0, 1400, 100):
        assert len(set(labels[start : start + 100])) == 10


def test_the_package_brings_them_with_their_source(tmp_path):
    """A wheel holds the file, and the licence note says whose it is and on what terms."""
    build = "import sys; from flit_core import buildapi; buildapi.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as held:
        assert held.read("scalarloss/digits.npz") == (ROOT / "scalarloss/digits.npz").read_bytes()
    note = (ROOT / "LICENSE").read_text()
    assert "10.24432/C50P49" in note
    assert "CC BY 4.0" in note.split("10.24432/C50P49")[1].split("KaTeX")[0]
