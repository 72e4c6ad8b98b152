"""Layers: each a forward in plain NumPy, and a backward written by hand.

A backward takes g, the cotangent of the layer's output and shaped like it, and gives one gradient
for each input, shaped like that input. Examples run along the first axis; without it, one example.
Every function raises DtypeError for arrays that are not floats and ShapeError for an empty array
or shapes that do not fit, naming the argument. A forward also takes complex arrays, so that it can
be checked by a complex step.
"""

import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scalarloss.errors import DtypeError, NotScalarError, ShapeError

Array: TypeAlias = NDArray[Any]
Reduction: TypeAlias = Literal["sum", "mean", "none"]


def dense(x: Array, W: Array, b: Array) -> Array:
    """Return y = W x + b for each example, written x Wᵀ + b for a batch.

    Shapes: x (n,) or (N, n), or more leading axes; W (m, n); b (m,); y (m,) or (N, m).
    """
    x, W, b = given("fc", x=x, W=W, b=b)
    fit_dense(x, W, b)
    return x @ W.T + b


def dense_backward(g: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return dx = g W, dW = gᵀ x and db = Σ g, the last two summed over the batch.

    Shapes: g (m,) or (N, m); the gradients as x, W and b in `dense`.
    Source: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating
    errors, Nature 323, equations 6 and 7.
    """
    g, x, W, b = given("f", g=g, x=x, W=W, b=b)
    fit_dense(x, W, b)
    fit_cotangent(g, x.shape[:-1] + b.shape)
    g_rows, x_rows = g.reshape(-1, g.shape[-1]), x.reshape(-1, x.shape[-1])
    return g @ W, g_rows.T @ x_rows, g_rows.sum(axis=0)


def softmax(z: Array, axis: int = -1) -> Array:
    """Return p = exp(z − max z) / Σ exp(z − max z), which no logit can make overflow.

    Shapes: z and p alike, of at least one axis; the sum and the maximum run along `axis`.
    Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 4.1.
    """
    (z,) = given("fc", z=z)
    fit_axis("z", z, axis)
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    p: Array = e / np.sum(e, axis=axis, keepdims=True)
    return p


def softmax_backward(g: Array, p: Array, axis: int = -1) -> Array:
    """Return dz = p (g − Σ g p), the product gᵀ(diag p − p pᵀ) without the matrix; p = softmax(z).

    Shapes: g, p and dz alike. Source: Bridle (1990), Probabilistic interpretation of feedforward
    classification network outputs.
    """
    g, p = given("f", g=g, p=p)
    fit_axis("p", p, axis)
    fit_cotangent(g, p.shape)
    dz: Array = p * (g - np.sum(g * p, axis=axis, keepdims=True))
    return dz


def log_softmax(z: Array, axis: int = -1) -> Array:
    """Return y = s − log Σ exp s with s = z − max z: the logarithm of softmax, exact in its tails.

    Shapes: z and y alike, of at least one axis; the sum and the maximum run along `axis`.
    Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 4.1.
    """
    (z,) = given("fc", z=z)
    fit_axis("z", z, axis)
    s = z - np.max(z, axis=axis, keepdims=True)
    y: Array = s - np.log(np.sum(np.exp(s), axis=axis, keepdims=True))
    return y


def log_softmax_backward(g: Array, y: Array, axis: int = -1) -> Array:
    """Return dz = g − exp(y) Σ g, with y = log_softmax(z).

    Shapes: g, y and dz alike.
    """
    g, y = given("f", g=g, y=y)
    fit_axis("y", y, axis)
    fit_cotangent(g, y.shape)
    dz: Array = g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)
    return dz


def cross_entropy(z: Array, t: Array, reduction: Reduction = "sum") -> Array:
    """Return −Σ t log softmax(z) over the classes, and then over the examples as `reduction` says.

    Shapes: logits z (C,) or (N, C). The target t is shaped like z, one-hot or probabilities, of
    any real dtype; or it is integer labels from 0 to C − 1, of shape () or (N,). "sum" (the
    default) and "mean" run over the examples and give a scalar; "none" gives one loss for each,
    of shape () or (N,). Raises ValueError for another reduction.
    Source: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.
    """
    (z,) = given("fc", z=z)
    losses: Array = np.sum(class_weights(t, z) * -log_softmax(z), axis=-1)
    if reduction == "none":
        return losses
    total: Array = np.sum(losses) / examples(z, reduction)
    return total


def cross_entropy_backward(
    z: Array, t: Array, reduction: Reduction = "sum", g: Array | None = None
) -> Array:
    """Return dL/dz = p Σ t − t with p = softmax(z), for "mean" over N; it is p − t where Σ t = 1.

    Shapes: z and t as in `cross_entropy`; the result as z. A scalar loss takes g = 1 unless told
    otherwise. "none" over a batch leaves one loss for each example, and so needs g (N,): without
    it, NotScalarError.
    """
    (z,) = given("f", z=z)
    t = class_weights(t, z)
    count = examples(z, reduction)
    output = z.shape[:-1] if reduction == "none" else ()
    if g is None:
        if output:
            raise NotScalarError(output)
        g = np.ones((), z.dtype)
    (g,) = given("f", g=g)
    fit_cotangent(g, output)
    each = np.broadcast_to(g / count, z.shape[:-1])[..., None]
    dz: Array = each * (softmax(z) * np.sum(t, axis=-1, keepdims=True) - t)
    return dz


def squared_error(y: Array, t: Array) -> Array:
    """Return ½ Σ (y − t)², half the sum over every entry.

    Shapes: y and t alike, whatever they are; the result (). A target of whole numbers is promoted.
    Raises ShapeError where NumPy would broadcast: (N, 1) − (N,) is an (N, N) table of differences.
    """
    (y,) = given("fc", y=y)
    total: Array = 0.5 * np.sum((y - target_like(y, t, "fciub")) ** 2)
    return total


def squared_error_backward(y: Array, t: Array) -> Array:
    """Return dL/dy = y − t; dL/dt is its negative.

    Shapes: y, t and the result alike.
    """
    (y,) = given("f", y=y)
    dy: Array = y - target_like(y, t, "fiub")
    return dy


def relu(x: Array) -> Array:
    """Return y = max(x, 0), entry by entry.

    Shapes: x and y alike. Source: Glorot, Bordes and Bengio (2011), Deep sparse rectifier neural
    networks.
    """
    (x,) = given("fc", x=x)
    y: Array = np.maximum(x, 0.0)
    return y


def relu_backward(g: Array, x: Array) -> Array:
    """Return dx = g where x > 0 and 0 elsewhere, at the kink x = 0 too, as frameworks do.

    Shapes: g, x and dx alike. x is the input, or the output, which is positive at the same places.
    """
    g, x = given("f", g=g, x=x)
    fit_cotangent(g, x.shape)
    dx: Array = g * (x > 0)
    return dx


def conv2d(x: Array, w: Array, b: Array) -> Array:
    """Return y[f, h, w'] = Σ x[c, h + i, w' + j] w[f, c, i, j] + b[f]: valid, with stride 1.

    What deep learning calls a convolution: a cross-correlation, whose filter is not flipped.
    Shapes: x (C, H, W) or (N, C, H, W); w (F, C, kh, kw); b (F,);
    y (F, H − kh + 1, W − kw + 1) or (N, F, ...). Or one channel and one filter, with no axis for
    either: x (H, W) or (N, H, W); w (kh, kw); b (); y (H − kh + 1, W − kw + 1) or (N, ...).
    Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 9.1.
    """
    x, w, b = given("fc", x=x, w=w, b=b)
    output = fit_conv2d(x, w, b)
    x, w, b = with_channels(x, w, b)
    y: Array = np.einsum("nchwij,fcij->nfhw", windows(x, w), w, optimize=True) + b[:, None, None]
    return y.reshape(output)


def conv2d_backward(g: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    """Return dx, g correlated in full with the flipped filter; dw, x correlated with g; db = Σ g.

    Shapes: g as the output of `conv2d`; the gradients as x, w and b. In full: g is padded by
    kh − 1 rows and kw − 1 columns of zeros on each side, so that every pixel of x meets each
    output that it was part of. dw and db sum over the batch.
    Source: Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning,
    section 4.3.
    """
    g, x, w, b = given("f", g=g, x=x, w=w, b=b)
    fit_cotangent(g, fit_conv2d(x, w, b))
    shapes = x.shape, w.shape, b.shape
    x, w, b = with_channels(x, w, b)
    (n, _, height, width), (f, _, kh, kw) = x.shape, w.shape
    g = g.reshape(n, f, height - kh + 1, width - kw + 1)
    padded = np.pad(g, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    flipped = w[:, :, ::-1, ::-1]
    dx: Array = np.einsum("nfhwij,fcij->nchw", windows(padded, w), flipped, optimize=True)
    dw: Array = np.einsum("nfhw,nchwij->fcij", g, windows(x, w), optimize=True)
    db: Array = np.sum(g, axis=(0, 2, 3))
    return dx.reshape(shapes[0]), dw.reshape(shapes[1]), db.reshape(shapes[2])


def max_pool(x: Array, size: int = 2) -> Array:
    """Return the largest entry of each window, size by size; windows do not overlap.

    Shapes: x (..., H, W), with H and W multiples of `size`; y (..., H / size, W / size).
    Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 9.3.
    """
    (x,) = given("fc", x=x)
    y: Array = np.max(blocks(x, size), axis=-1)
    return y


def max_pool_backward(g: Array, x: Array, size: int = 2) -> Array:
    """Return dx: each entry of g goes to the largest entry of its window, the first of equal ones.

    Shapes: g as the output of `max_pool`; dx as x.
    """
    g, x = given("f", g=g, x=x)
    pools = blocks(x, size)
    fit_cotangent(g, pools.shape[:-1])
    each = np.zeros(pools.shape, g.dtype)
    np.put_along_axis(each, np.argmax(pools, axis=-1)[..., None], g[..., None], axis=-1)
    tiles = each.reshape(*g.shape, size, size)
    dx: Array = np.swapaxes(tiles, -3, -2).reshape(x.shape)
    return dx


def layer_norm(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Array:
    """Return y = γ (x − μ) / σ + β for each example, with σ² = mean (x − μ)² + eps.

    Shapes: x and y (n,) or (N, n), or more leading axes; gamma and beta (n,). The mean μ and σ run
    over the last axis. Source: Ba, Kiros and Hinton (2016), Layer normalization, section 3.
    """
    x, gamma, beta = given("fc", x=x, gamma=gamma, beta=beta)
    fit_norm(x, gamma, beta)
    return gamma * normal_form(x, eps)[0] + beta


def layer_norm_backward(
    g: Array, x: Array, gamma: Array, beta: Array, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Return dx = (u − mean u − z mean(u z)) / σ, dγ = Σ g z and dβ = Σ g.

    Here u = γ g and z = (x − μ) / σ; the means run over the last axis, the sums over the batch.
    Shapes: g as x; the gradients as x, gamma and beta in `layer_norm`.
    """
    g, x, gamma, beta = given("f", g=g, x=x, gamma=gamma, beta=beta)
    fit_norm(x, gamma, beta)
    fit_cotangent(g, x.shape)
    z, sigma = normal_form(x, eps)
    u, batch = gamma * g, tuple(range(x.ndim - 1))
    along = np.mean(u * z, axis=-1, keepdims=True)
    dx: Array = (u - np.mean(u, axis=-1, keepdims=True) - z * along) / sigma
    return dx, np.sum(g * z, axis=batch), np.sum(g, axis=batch)


def recurrent_step(x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    """Return the next state, tanh(Wx x + Wh h + b) for each example.

    Shapes: x (n,) or (N, n); the state h and the next one (m,) or (N, m); Wx (m, n); Wh (m, m);
    b (m,). Source: Elman (1990), Finding structure in time, Cognitive Science 14.
    """
    x, h, Wx, Wh, b = given("fc", x=x, h=h, Wx=Wx, Wh=Wh, b=b)
    fit_dense(x, Wx, b)
    fit_state(x, h, Wh, b)
    y: Array = np.tanh(x @ Wx.T + h @ Wh.T + b)
    return y


def recurrent_step_backward(
    g: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Return dx = a Wx, dh = a Wh, dWx = aᵀ x, dWh = aᵀ h and db = Σ a, with a = g (1 − y²).

    Shapes: g and the next state y as h; the gradients as the arguments of `recurrent_step`.
    """
    (g,) = given("f", g=g)
    y = recurrent_step(x, h, Wx, Wh, b)
    fit_cotangent(g, y.shape)
    a = g * (1 - y**2)
    dx, dWx, db = dense_backward(a, x, Wx, b)
    dh, dWh, _ = dense_backward(a, h, Wh, b)
    return dx, dh, dWx, dWh, db


def attention(q: Array, k: Array, v: Array) -> Array:
    """Return softmax(q kᵀ / √d) v: for each query, the mean of the values, weighed by their keys.

    Shapes: queries q (T, d), keys k (S, d), values v (S, e); the result (T, e). All may have the
    same leading axes. Source: Vaswani et al. (2017), Attention is all you need, section 3.2.1.
    """
    q, k, v = given("fc", q=q, k=k, v=v)
    fit_attention(q, k, v)
    y: Array = softmax(q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])) @ v
    return y


def attention_backward(g: Array, q: Array, k: Array, v: Array) -> tuple[Array, Array, Array]:
    """Return dq = s k / √d, dk = sᵀ q / √d and dv = pᵀ g, with the weights p of `attention`.

    Here s = p (g vᵀ − Σ p g vᵀ) is the cotangent of the scores, summed over the keys of each query.
    Shapes: g (T, e); p and s (T, S); the gradients as q, k and v.
    """
    g, q, k, v = given("f", g=g, q=q, k=k, v=v)
    fit_attention(q, k, v)
    fit_cotangent(g, q.shape[:-1] + v.shape[-1:])
    root = math.sqrt(q.shape[-1])
    p = softmax(q @ k.swapaxes(-1, -2) / root)
    s = softmax_backward(g @ v.swapaxes(-1, -2), p) / root
    return s @ k, s.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g


def windows(x: Array, w: Array) -> Array:
    """Every place that the filter fits: (N, C, H, W) to (N, C, H − kh + 1, W − kw + 1, kh, kw)."""
    return sliding_window_view(x, w.shape[-2:], axis=(2, 3))


def with_channels(x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    """The arguments of `conv2d` as (N, C, H, W), (F, C, kh, kw) and (F,)."""
    f, c = w.shape[:2] if w.ndim == 4 else (1, 1)
    return x.reshape(-1, c, *x.shape[-2:]), w.reshape(f, c, *w.shape[-2:]), b.reshape(f)


def blocks(x: Array, size: int) -> Array:
    """The windows of `max_pool`: (..., H, W) to (..., H / size, W / size, size²)."""
    if size < 1 or x.ndim < 2 or x.shape[-2] % size or x.shape[-1] % size:
        raise ShapeError(
            f"x has shape {x.shape}, which windows of {size} by {size} do not fill: "
            "pass a height and a width that are multiples of the size."
        )
    height, width = x.shape[-2] // size, x.shape[-1] // size
    tiles = x.reshape(*x.shape[:-2], height, size, width, size)
    return np.swapaxes(tiles, -3, -2).reshape(*x.shape[:-2], height, width, size * size)


def normal_form(x: Array, eps: float) -> tuple[Array, Array]:
    """Each example less its mean, over its deviation σ; and σ, with a last axis of 1."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    sigma = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + eps)
    return centred / sigma, sigma


def given(kinds: str, **arrays: Any) -> list[Array]:
    """The arguments as arrays, refused by name unless their dtype is of these kinds and not empty.

    What answers to NumPy's functions itself passes as it is: a recording array stays one.
    """
    found = [x if hasattr(x, "__array_function__") else np.asarray(x) for x in arrays.values()]
    for name, x in zip(arrays, found, strict=True):
        if x.dtype.kind not in kinds:
            way = f"{name}.real" if x.dtype.kind == "c" else f"{name}.astype(float)"
            need = "real floats" if "c" not in kinds else "floats"
            raise DtypeError(f"{name} has dtype {x.dtype}, and a layer needs {need}: pass {way}.")
        if 0 in x.shape:
            raise ShapeError(f"{name} is empty, of shape {x.shape}: pass at least one entry.")
    return found


def fit_dense(x: Array, W: Array, b: Array) -> None:
    if W.ndim != 2 or x.ndim < 1 or x.shape[-1] != W.shape[1] or b.shape != W.shape[:1]:
        raise ShapeError(
            f"x {x.shape}, W {W.shape} and b {b.shape} do not make a dense layer: "
            "pass x (n,) or (N, n), W (m, n) and b (m,)."
        )


def fit_axis(name: str, z: Array, axis: int) -> None:
    if not -z.ndim <= axis < z.ndim:
        raise ShapeError(f"{name} has shape {z.shape}, which has no axis {axis} to sum along.")


def fit_cotangent(g: Array, output: tuple[int, ...]) -> None:
    if g.shape != output:
        raise ShapeError(
            f"g has shape {g.shape}, and the layer's output has {output}: "
            "pass one weight for each entry of the output."
        )


def fit_conv2d(x: Array, w: Array, b: Array) -> tuple[int, ...]:
    """The shape of the output."""
    f, c = (w.shape[:1], w.shape[1:2]) if w.ndim == 4 else ((), ())
    axes = len(c) + 2
    if (
        w.ndim not in (2, 4)
        or x.ndim not in (axes, axes + 1)
        or x.shape[-axes:-2] != c
        or b.shape != f
    ):
        raise ShapeError(
            f"x {x.shape}, w {w.shape} and b {b.shape} do not make a convolution: "
            "pass x (N, C, H, W), w (F, C, kh, kw) and b (F,), or x (H, W), w (kh, kw) and b ()."
        )
    (height, width), (kh, kw) = x.shape[-2:], w.shape[-2:]
    if kh > height or kw > width:
        raise ShapeError(
            f"w of shape {w.shape} fits nowhere in x of shape {x.shape}: "
            "pass a filter no higher and no wider than the input."
        )
    return x.shape[:-axes] + f + (height - kh + 1, width - kw + 1)


def fit_norm(x: Array, gamma: Array, beta: Array) -> None:
    if x.ndim < 1 or gamma.shape != x.shape[-1:] or beta.shape != x.shape[-1:]:
        raise ShapeError(
            f"x {x.shape}, gamma {gamma.shape} and beta {beta.shape} do not make a layer norm: "
            "pass x (n,) or (N, n), and gamma and beta (n,)."
        )


def fit_state(x: Array, h: Array, Wh: Array, b: Array) -> None:
    if h.shape != x.shape[:-1] + b.shape or Wh.shape != b.shape * 2:
        raise ShapeError(
            f"h {h.shape} and Wh {Wh.shape} do not fit x {x.shape} and b {b.shape}: "
            "pass h (m,) or (N, m) and Wh (m, m) for b (m,), with the batch of x."
        )


def fit_attention(q: Array, k: Array, v: Array) -> None:
    if (
        min(q.ndim, k.ndim, v.ndim) < 2
        or q.shape[-1] != k.shape[-1]
        or k.shape[:-1] != v.shape[:-1]
        or q.shape[:-2] != k.shape[:-2]
    ):
        raise ShapeError(
            f"q {q.shape}, k {k.shape} and v {v.shape} do not make an attention: "
            "pass q (T, d), k (S, d) and v (S, e)."
        )


def target_like(y: Array, t: Array, kinds: str) -> Array:
    """The target t, which must have the shape of y, as floats."""
    (t,) = given(kinds, t=t)
    if t.shape != y.shape:
        raise ShapeError(
            f"y has shape {y.shape} and t has shape {t.shape}, and broadcasting them would "
            "compare entries that do not belong together: give both one shape."
        )
    return t.astype(y.dtype) if t.dtype.kind in "iub" else t


def class_weights(t: Array, z: Array) -> Array:
    """The target of `cross_entropy`, shaped like z: as it is, or one-hot from labels."""
    fit_axis("z", z, -1)
    (t,) = given("fiub", t=t)
    if t.shape == z.shape:
        return target_like(z, t, "fiub")
    if t.shape != z.shape[:-1]:
        raise ShapeError(
            f"t has shape {t.shape}, and z has {z.shape}: pass a target of shape {z.shape}, "
            f"or one integer label for each example, of shape {z.shape[:-1]}."
        )
    if t.dtype.kind not in "iu":
        raise DtypeError(
            f"t has dtype {t.dtype}, and labels are whole numbers: pass t.astype(int), "
            f"or a target of shape {z.shape}."
        )
    count = z.shape[-1]
    if np.any(t < 0) or np.any(t >= count):
        raise ShapeError(
            f"t has labels {t.min()} to {t.max()}, and z has classes 0 to {count - 1}."
        )
    return np.eye(count, dtype=z.dtype)[t]


def examples(z: Array, reduction: str) -> int:
    """What the sum over examples is divided by."""
    if reduction not in ("sum", "mean", "none"):
        raise ValueError(f'reduction is {reduction!r}: pass "sum", "mean" or "none".')
    return math.prod(z.shape[:-1]) if reduction == "mean" else 1
