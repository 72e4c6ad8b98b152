"""The rules: how a cotangent moves back through each primitive, and a tangent forward.

For y = f(x_0, x_1, ...), `vjp[i](g, y, *xs)` is the cotangent of x_i for the cotangent g of y,
and `jvp[i](t, y, *xs)` is what a tangent t of x_i adds to the tangent of y. A cotangent may
carry one leading axis more than y: its rows are cotangents that move back together.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalarloss.primitives import COMPARISONS, PRIMITIVES, Array, Shape, add_up, as_key, pad

Map = Callable[..., Array]


@dataclass(frozen=True)
class Rule:
    """A primitive's vjp and jvp with respect to argument i; None where nothing flows.

    `diagonal` says that without broadcasting each y depends on one x: the Jacobian is then its
    own transpose, and the jvp serves as the vjp.
    """

    vjp: Callable[[int], Map | None]
    jvp: Callable[[int], Map | None]
    diagonal: bool = False


def behind(g: Array, *items: Any) -> Array:
    """Index the last axes, whatever leads them."""
    return g[(..., *items)]


@lru_cache(maxsize=4096)
def copied_axes(wide: Shape, shape: Shape, lead: int) -> Shape:
    """The axes of `wide`, behind `lead` leading ones, along which broadcasting copied `shape`."""
    start = len(wide) - len(shape)
    pairs = zip(wide[start:], shape, strict=True)
    repeated = [start + i for i, (many, one) in enumerate(pairs) if one == 1 and many != 1]
    return (*range(lead, start), *repeated)


def unbroadcast(g: Array, shape: Shape, lead: int = 0) -> Array:
    """Sum `g` over what broadcasting had copied, down to `shape` behind `lead` leading axes."""
    if g.shape[lead:] == shape:
        return g
    total = add_up(g, axis=copied_axes(g.shape, shape, lead))
    return total if total.ndim == lead + len(shape) else total.reshape(g.shape[:lead] + shape)


def spread(g: Array, shape: Shape) -> Array:
    """Copy `g` along axes of size 1 to `shape`; faster than a view for what comes next."""
    wide = np.empty(shape)
    wide[...] = g
    return wide


def elementwise(*scales: Map | None) -> Rule:
    """Rules from `scale[i](g, y, *xs)` = g times the derivative of each y by its x_i."""

    def vjp(i: int) -> Map | None:
        scale = scales[i]
        if scale is None:
            return None
        return lambda g, y, *xs: unbroadcast(scale(g, y, *xs), xs[i].shape, g.ndim - y.ndim)

    return Rule(vjp, lambda i: scales[i], diagonal=True)


def linear(name: str, transpose: Map) -> Rule:
    """Rules of a primitive that is linear in its one argument: the jvp is the primitive."""
    forward = PRIMITIVES[name].function

    def jvp(t: Array, y: Array, x: Array, **params: Any) -> Array:
        r"""the same function, of $u$"""
        return forward(t, **params)

    return Rule(lambda i: transpose, lambda i: jvp)


def multilinear(name: str, transpose: Callable[[int], Map]) -> Rule:
    """Rules of a primitive linear in each argument: the jvp puts the tangent in its place."""
    forward = PRIMITIVES[name].function

    def jvp(i: int) -> Map:
        def forward_one(t: Array, y: Array, *xs: Array, **params: Any) -> Array:
            r"""the same function, with $u_i$ in the place of $x_i$"""
            return forward(*xs[:i], t, *xs[i + 1 :], **params)

        return forward_one

    return Rule(transpose, jvp)


def joining(name: str, transpose: Callable[[int], Map]) -> Rule:
    """Rules of a primitive that lays its arguments side by side: zeros beside the tangent."""
    forward = PRIMITIVES[name].function

    def jvp(i: int) -> Map:
        def forward_one(t: Array, y: Array, *xs: Array, **params: Any) -> Array:
            r"""the same function, of $u_i$ and zeros in the place of the others"""
            beside = [np.zeros_like(x) for x in xs]
            return forward(*beside[:i], t, *beside[i + 1 :], **params)

        return forward_one

    return Rule(transpose, jvp)


def lead_of(g: Array, y: Array) -> Shape:
    return g.shape[: g.ndim - y.ndim]


@lru_cache(maxsize=4096)
def kept_shape(shape: Shape, axis: Shape) -> Shape:
    return tuple(1 if a in axis else n for a, n in enumerate(shape))


def keep_axes(g: Array, y: Array, x: Array, axis: Shape) -> Array:
    """Give a reduced cotangent its axes back, each of size 1."""
    return (
        g
        if y.ndim == x.ndim or g.ndim == 0
        else g.reshape(lead_of(g, y) + kept_shape(x.shape, axis))
    )


def sum_vjp(g: Array, y: Array, x: Array, axis: Shape, keepdims: bool) -> Array:
    r"""$g$, copied along each axis that was summed"""
    return spread(keep_axes(g, y, x, axis), lead_of(g, y) + x.shape)


def mean_vjp(g: Array, y: Array, x: Array, axis: Shape, keepdims: bool) -> Array:
    r"""$g / n$, copied along the axes of which $n$ entries were averaged"""
    count = math.prod(x.shape[a] for a in axis)
    return sum_vjp(g / count, y, x, axis, keepdims)


def share(y: Array, x: Array, axis: Shape) -> Array:
    """What each entry of x has of the extreme value: 1, or 1/k where k entries tie; NaN for NaN."""
    winners: Array = np.equal(x, keep_axes(y, y, x, axis))
    if np.count_nonzero(winners) == y.size and not math.isnan(add_up(y, axis=None)):
        return winners
    with np.errstate(invalid="ignore"):
        return np.divide(winners, add_up(winners, axis=axis, keepdims=True))


def extreme_vjp(g: Array, y: Array, x: Array, axis: Shape, keepdims: bool) -> Array:
    r"""$g$ at the entry that won, $g / k$ at each of $k$ that tie, 0 elsewhere"""
    return keep_axes(g, y, x, axis) * share(y, x, axis)


def extreme_jvp(t: Array, y: Array, x: Array, axis: Shape, keepdims: bool) -> Array:
    r"""$u$ at the entry that won, the mean of $u$ over those that tie"""
    return add_up(t * share(y, x, axis), axis=axis, keepdims=keepdims)


def cumsum_vjp(g: Array, y: Array, x: Array, axis: int) -> Array:
    r"""$\bar x_i = \sum_{k \ge i} g_k$, summed up from the other end"""
    last = axis - y.ndim
    return np.flip(np.cumsum(np.flip(g, last), last), last)


def swap(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def matmul_vjp(i: int) -> Map:
    def vjp(g: Array, y: Array, a: Array, b: Array) -> Array:
        r"""$\bar A = G B^\top$, $\bar B = A^\top G$; a vector is a row before, a column behind"""
        lead = g.ndim - y.ndim
        if a.ndim == b.ndim == 2 and lead == 0:
            return g @ b.T if i == 0 else a.T @ g
        left = a[np.newaxis] if a.ndim == 1 else a
        right = b[:, np.newaxis] if b.ndim == 1 else b
        if b.ndim == 1:
            g = g[..., np.newaxis]
        if a.ndim == 1:
            g = g[..., np.newaxis, :]
        if i == 0:
            return unbroadcast(g @ swap(right), left.shape, lead).reshape(g.shape[:lead] + a.shape)
        return unbroadcast(swap(left) @ g, right.shape, lead).reshape(g.shape[:lead] + b.shape)

    return vjp


def einsum_vjp(i: int) -> Map:
    def vjp(g: Array, y: Array, *xs: Array, subscripts: str) -> Array:
        r"""the same letters: $g$ and the other arrays go in, those of $x_i$ come out"""
        sources, result = subscripts.split("->")
        terms = sources.split(",")
        others = [(t, x) for j, (t, x) in enumerate(zip(terms, xs, strict=True)) if j != i]
        known = set(result).union(*(t for t, _ in others))
        alone = [(k, n) for k, n in zip(terms[i], xs[i].shape, strict=True) if k not in known]
        operands = [("..." + result, g), *others, *((k, np.ones(n)) for k, n in alone)]
        pulled = ",".join(t for t, _ in operands) + "->..." + terms[i]
        return np.asarray(np.einsum(pulled, *(x for _, x in operands), optimize=True))

    return vjp


def transpose_vjp(g: Array, y: Array, x: Array, axes: Shape) -> Array:
    r"""$g$, its axes put back in their old order"""
    lead = g.ndim - y.ndim
    return g.transpose(*range(lead), *(lead + int(a) for a in np.argsort(axes)))


def reshape_vjp(g: Array, y: Array, x: Array, shape: Shape) -> Array:
    r"""$g$ in the shape of $x$"""
    return g.reshape(lead_of(g, y) + x.shape)


def broadcast_vjp(g: Array, y: Array, x: Array, shape: Shape) -> Array:
    r"""$g$, summed over what had been copied"""
    return unbroadcast(g, x.shape, g.ndim - y.ndim)


def index_vjp(g: Array, y: Array, x: Array, index: tuple[Any, ...]) -> Array:
    r"""zeros, with $g$ at the entries that were picked"""
    back = np.zeros(lead_of(g, y) + x.shape)
    back[(slice(None),) * (g.ndim - y.ndim) + as_key(index)] = g
    return back


def take_vjp(g: Array, y: Array, x: Array, indices: NDArray[np.intp]) -> Array:
    r"""$\bar x_j = \sum_{i:\, p_i = j} g_i$, summed over all the places $p_i$ that are $j$"""
    lead = lead_of(g, y)
    rows = np.zeros((math.prod(lead), x.size))
    np.add.at(rows.T, indices.ravel(), g.reshape(len(rows), -1).T)
    return rows.reshape(lead + x.shape)


def concatenate_vjp(i: int) -> Map:
    def vjp(g: Array, y: Array, *xs: Array, axis: int) -> Array:
        r"""the part of $g$ that stands where $x_i$ stood"""
        start = sum(x.shape[axis] for x in xs[:i])
        chosen = slice(start, start + xs[i].shape[axis])
        return behind(g, chosen, *[slice(None)] * (y.ndim - axis - 1))

    return vjp


def stack_vjp(i: int) -> Map:
    def vjp(g: Array, y: Array, *xs: Array, axis: int) -> Array:
        r"""layer $i$ of $g$"""
        return behind(g, i, *[slice(None)] * (y.ndim - axis - 1))

    return vjp


def pad_vjp(g: Array, y: Array, x: Array, widths: tuple[Shape, ...], value: float) -> Array:
    r"""$g$ without the frame"""
    inner = [slice(w, w + n) for (w, _), n in zip(widths, x.shape, strict=True)]
    return behind(g, *inner)


def pad_jvp(t: Array, y: Array, x: Array, widths: Any, value: float) -> Array:
    r"""$u$ in a frame of zeros"""
    return pad(t, widths, 0.0)


def windows_vjp(g: Array, y: Array, x: Array, window: Shape, axis: Shape) -> Array:
    r"""$\bar x_m = \sum_{i + j = m} g_{ij}$, from every window $i$ in which $x_m$ lay"""
    back = np.zeros(lead_of(g, y) + x.shape)
    for offset in itertools.product(*(range(w) for w in window)):
        inside = [slice(None)] * x.ndim
        for a, o in zip(axis, offset, strict=True):
            inside[a] = slice(o, o + y.shape[a])
        behind(back, *inside)[...] += behind(g, *offset)
    return back


def half_at_tie(winner: NDArray[np.bool_], x: Array, y: Array) -> Array:
    return np.where(x == y, 0.5, winner)


def tanh_scale(g: Array, y: Array, x: Array) -> Array:
    """g (1 - y²), made in one piece of memory."""
    slope: Array = np.asarray(y * y)
    np.subtract(1.0, slope, out=slope)
    return np.multiply(g, slope, out=slope) if g.shape == slope.shape else g * slope


RULES: dict[str, Rule] = {
    "negative": elementwise(lambda g, y, x: -g),
    "exp": elementwise(lambda g, y, x: g * y),
    "log": elementwise(lambda g, y, x: g / x),
    "log1p": elementwise(lambda g, y, x: g / (1 + x)),
    "expm1": elementwise(lambda g, y, x: g * (y + 1)),
    "sqrt": elementwise(lambda g, y, x: g / (2 * y)),
    "square": elementwise(lambda g, y, x: g * (2 * x)),
    "tanh": elementwise(tanh_scale),
    "sin": elementwise(lambda g, y, x: g * np.cos(x)),
    "cos": elementwise(lambda g, y, x: -g * np.sin(x)),
    "absolute": elementwise(lambda g, y, x: g * np.sign(x)),
    "sign": elementwise(None),
    "reciprocal": elementwise(lambda g, y, x: -g * y * y),
    "add": elementwise(lambda g, y, a, b: g, lambda g, y, a, b: g),
    "subtract": elementwise(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    "multiply": elementwise(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    "divide": elementwise(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b),
    "power": elementwise(
        lambda g, y, a, b: g * np.where(b == 0, 0.0, b * np.power(a, np.where(b == 0, 1.0, b - 1))),
        lambda g, y, a, b: g * np.where(a == 0, 0.0, y * np.log(np.where(a == 0, 1.0, a))),
    ),
    "maximum": elementwise(
        lambda g, y, a, b: g * half_at_tie(a > b, a, b),
        lambda g, y, a, b: g * half_at_tie(b > a, a, b),
    ),
    "minimum": elementwise(
        lambda g, y, a, b: g * half_at_tie(a < b, a, b),
        lambda g, y, a, b: g * half_at_tie(b < a, a, b),
    ),
    "where": elementwise(
        None,
        lambda g, y, c, a, b: np.where(c, g, 0.0),
        lambda g, y, c, a, b: np.where(c, 0.0, g),
    ),
    "sum": linear("sum", sum_vjp),
    "mean": linear("mean", mean_vjp),
    "max": Rule(lambda i: extreme_vjp, lambda i: extreme_jvp),
    "min": Rule(lambda i: extreme_vjp, lambda i: extreme_jvp),
    "cumsum": linear("cumsum", cumsum_vjp),
    "matmul": multilinear("matmul", matmul_vjp),
    "einsum": multilinear("einsum", einsum_vjp),
    "transpose": linear("transpose", transpose_vjp),
    "reshape": linear("reshape", reshape_vjp),
    "broadcast_to": linear("broadcast_to", broadcast_vjp),
    "index": linear("index", index_vjp),
    "take": linear("take", take_vjp),
    "concatenate": joining("concatenate", concatenate_vjp),
    "stack": joining("stack", stack_vjp),
    "pad": Rule(lambda i: pad_vjp, lambda i: pad_jvp),
    "sliding_window_view": linear("sliding_window_view", windows_vjp),
    **{name: Rule(lambda i: None, lambda i: None) for name in COMPARISONS},
}
