"""A trace checks itself: the program beside the function it was traced from, on the same arrays."""

import io
import math
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from scalarloss.errors import TracingError
from scalarloss.primitives import Array
from scalarloss.program import Program

NEAR = 0.1  # how far, relative to each entry, the second point lies from the first
CHEAP = 100_000  # entries of all slots: a larger program is compared at one point
RTOL = 1e-9  # of the value
ATOL = 1e-12  # of the largest number on the way to it, whose rounding may be all that is left


def verify(program: Program, f: Callable[..., Any], arrays: Mapping[str, Any]) -> None:
    """Compare the program with f run as plain NumPy on `arrays`, and near them where it is cheap.

    What f prints meanwhile is not shown. Raises TracingError with both values if they differ: f
    draws random numbers, reads a clock, changes what it closes over or chose by a value, and the
    program has what it found when it was traced.
    """
    try:
        plain = plain_value(f, arrays)
    except Exception as error:
        raise TracingError(
            f"as plain NumPy the function raises {type(error).__name__}: {error}"
        ) from error
    compare(program, arrays, plain, "")
    if sum(map(math.prod, program.shapes)) > CHEAP:
        return
    rng = np.random.default_rng(0)
    near = {name: moved(array, rng) for name, array in arrays.items()}
    try:
        plain = plain_value(f, near)
    except Exception:  # f need not be defined there
        return
    compare(program, near, plain, ", at a point near the one it was traced at")


def moved(array: Any, rng: np.random.Generator) -> Any:
    other = array * rng.uniform(1 - NEAR, 1 + NEAR, array.shape)
    return np.asarray(other) if isinstance(array, np.ndarray) else other


def plain_value(f: Callable[..., Any], arrays: Mapping[str, Any]) -> Array:
    with redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return np.asarray(f(**{name: array.copy() for name, array in arrays.items()}))


def compare(program: Program, arrays: Mapping[str, Any], plain: Array, where: str) -> None:
    with np.errstate(all="ignore"):
        slots = program.slots(arrays)
    traced = slots[program.output]
    if plain.shape != traced.shape:
        difference = f"an array of shape {plain.shape}", f"one of shape {traced.shape}"
    else:
        sizes = (np.max(np.abs(x), where=np.isfinite(x), initial=0.0) for x in slots)
        off = ~np.isclose(traced, plain, RTOL, ATOL * max(sizes), equal_nan=True)
        if not off.any():
            return
        difference = f"{plain[off].flat[0]:.6g}", f"{traced[off].flat[0]:.6g}"
    raise TracingError(
        "the function gives {} as plain NumPy, and what was recorded gives {}{}: it draws random "
        "numbers, reads a clock, changes what it closes over, or chose by a value. Do that "
        "before, and pass the result in as an array.".format(*difference, where)
    )
