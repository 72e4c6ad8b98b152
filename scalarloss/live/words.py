"""How an operation is written, and in words what it sends back to each of its arguments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from scalarloss.primitives import COMPARISONS, PRIMITIVES, Shape
from scalarloss.program import Operation

Form: TypeAlias = tuple[str, str, *tuple[str | None, ...]]


@dataclass(frozen=True)
class Words:
    """An operation's sign alone, its formula, and what it sends to each argument, None for nothing.

    In the last two `{0}`, `{1}`, … stand for the arguments, `{y}` for the result and `{g}` for its
    cotangent.
    """

    sign: str
    formula: str
    sends: tuple[str | None, ...]


def comparison(sign: str) -> Form:
    return sign, f"{{0}} {sign} {{1}}", None, None


EVERYWHERE = "{g}, copied to every entry"
READ = "{g}, put where it was read"
TO_LARGER, TO_SMALLER = "{g} where %s is the larger", "{g} where %s is the smaller"
SIGNS = dict(zip(COMPARISONS, (">", "≥", "<", "≤", "=", "≠", "and", "or"), strict=False))

FORMS: dict[str, Form] = {
    "negative": ("−", "−{0}", "−{g}"),
    "exp": ("exp", "exp {0}", "{g} × {y}"),
    "log": ("log", "log {0}", "{g} / {0}"),
    "log1p": ("log(1 + ·)", "log(1 + {0})", "{g} / (1 + {0})"),
    "expm1": ("exp · − 1", "exp {0} − 1", "{g} × ({y} + 1)"),
    "sqrt": ("√", "√{0}", "{g} / (2 × {y})"),
    "square": ("·²", "{0}²", "{g} × 2 × {0}"),
    "tanh": ("tanh", "tanh {0}", "{g} × (1 − {y}²)"),
    "sin": ("sin", "sin {0}", "{g} × cos {0}"),
    "cos": ("cos", "cos {0}", "−{g} × sin {0}"),
    "absolute": ("|·|", "|{0}|", "{g} × sign {0}"),
    "sign": ("sign", "sign {0}", None),
    "reciprocal": ("1 / ·", "1 / {0}", "−{g} × {y}²"),
    "add": ("+", "{0} + {1}", "{g}", "{g}"),
    "subtract": ("−", "{0} − {1}", "{g}", "−{g}"),
    "multiply": ("×", "{0} × {1}", "{g} × {1}", "{g} × {0}"),
    "divide": ("÷", "{0} ÷ {1}", "{g} / {1}", "−{g} × {y} / {1}"),
    "power": ("^", "{0} ^ {1}", "{g} × {1} × {0} ^ ({1} − 1)", "{g} × {y} × log {0}"),
    "maximum": ("max", "max({0}, {1})", TO_LARGER % "{0}", TO_LARGER % "{1}"),
    "minimum": ("min", "min({0}, {1})", TO_SMALLER % "{0}", TO_SMALLER % "{1}"),
    **{name: comparison(sign) for name, sign in SIGNS.items()},
    "logical_not": ("not", "not {0}", None),
    "where": (
        "where",
        "{1} where {0}, else {2}",
        None,
        "{g} where {0} holds",
        "{g} where {0} does not hold",
    ),
    "sum": ("Σ", "Σ {0}", EVERYWHERE),
    "mean": ("mean", "mean {0}", "{g} / {n}, copied to every entry"),
    "max": ("max", "max {0}", "{g} at the largest entry, 0 elsewhere"),
    "min": ("min", "min {0}", "{g} at the smallest entry, 0 elsewhere"),
    "cumsum": ("cumsum", "cumsum {0}", "{g}, summed from the end"),
    "transpose": ("transpose", "{0} with its axes moved", "{g} with its axes moved back"),
    "reshape": ("reshape", "{0} reshaped", "{g}, reshaped back"),
    "broadcast_to": ("copy", "{0} copied", "{g}, its copies added up"),
    "take": ("take", "entries of {0}", READ),
    "pad": ("pad", "{0} padded", "{g} without its padding"),
    "sliding_window_view": (
        "windows",
        "windows of {0}",
        "{g}, all windows that read an entry added up",
    ),
}


def matmul(a: Shape, b: Shape) -> Form:
    """Which side is a vector decides how the rule is written."""
    if len(a) == len(b) == 1:
        return "@", "{0} @ {1}", "{g} × {1}", "{g} × {0}"
    if len(a) == 1:
        return "@", "{0} @ {1}", "{1} {g}", "{0} {g}ᵀ"
    return "@", "{0} @ {1}", "{g} {1}ᵀ", "{0}ᵀ {g}"


def index(key: Any) -> str:
    def item(i: Any) -> str:
        if i is None:
            return "new"
        if not isinstance(i, tuple):
            return str(i)
        start, stop, step = i
        return f"{start}:{'' if stop is None else stop}" + (f":{step}" if step != 1 else "")

    return f"[{', '.join(map(item, key))}]"


def joined(name: str, count: int) -> Form:
    return name, f"{name}({arguments(count)})", *["its part of {g}"] * count


def einsum(subscripts: str, count: int) -> Form:
    terms = subscripts.replace("->", " → ")
    sends = ["{g} times the others, summed"] * count
    return "einsum", f"einsum({terms}; {arguments(count)})", *sends


def arguments(count: int) -> str:
    return ", ".join(f"{{{i}}}" for i in range(count))


def form_of(operation: Operation, shapes: Sequence[Shape]) -> Form:
    name, params = operation.name, operation.params
    if name == "matmul":
        return matmul(*shapes)
    if name == "index":
        key = index(params["index"])
        return key, "{0}" + key, f"{READ}, 0 elsewhere"
    if name == "einsum":
        return einsum(params["subscripts"], len(shapes))
    if name in ("concatenate", "stack"):
        return joined(name, len(shapes))
    sign, formula, *sends = FORMS[name]
    if "keepdims" in params:  # a reduction
        axes = params["axis"]
        count = math.prod(shapes[0][axis] for axis in axes)
        sends = [send and send.replace("{n}", str(count)) for send in sends]
        if len(axes) < len(shapes[0]):
            along = f"axis {', '.join(map(str, axes))}"
            sign, formula = f"{sign} {along}", f"{formula} over {along}"
    return sign, formula, *sends


def words_of(operation: Operation, shapes: Sequence[Shape]) -> Words:
    """The words for `operation`, whose arguments have `shapes`."""
    sign, formula, *sends = form_of(operation, shapes)
    if PRIMITIVES[operation.name].shape is np.broadcast_shapes:
        pairs = zip(sends, shapes, strict=True)
        sends = [
            s if s is None or shape == operation.shape else f"{s}, its copies added up"
            for s, shape in pairs
        ]
    return Words(sign, formula, tuple(sends))
