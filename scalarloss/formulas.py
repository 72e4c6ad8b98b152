"""The rules as formulas: hand a rule letters in place of arrays, and read what it writes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view

from scalarloss.primitives import PRIMITIVES, Shape
from scalarloss.rules import RULES

RELATION, SUM, PRODUCT, ATOM = range(4)  # how tightly a formula holds together


class Formula(NDArrayOperatorsMixin):
    """A formula in TeX that stands in for an array, and grows as NumPy computes with it.

    `write(false)` gives its TeX and how tightly it binds, where the conditions `false` do not hold.
    """

    shape: Shape = ()
    ndim = 0

    def __init__(self, write: Callable[[frozenset[str]], tuple[str, int]]) -> None:
        self.write = write

    def astype(self, dtype: Any) -> "Formula":
        return self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *xs: Any, **out: Any) -> "Formula":
        return apply(ufunc.__name__, xs)

    def __array_function__(self, function: Any, types: Any, xs: Any, params: Any) -> "Formula":
        return where(*map(formula, xs)) if function is np.where else apply(function.__name__, xs)

    def __str__(self) -> str:
        return self.write(frozenset())[0]


def letter(tex: str) -> Formula:
    return Formula(lambda false: (tex, ATOM))


def formula(x: Any) -> Formula:
    """A formula as it is, also out of an array of no axes; a number in figures."""
    if isinstance(x, np.ndarray):
        x = x.item()
    return x if isinstance(x, Formula) else letter(r"\tfrac12" if x == 0.5 else f"{x:g}")


def bracketed(written: tuple[str, int]) -> str:
    """TeX that stands for a number: a relation in brackets is 1 where it holds, else 0."""
    return f"[{written[0]}]" if written[1] == RELATION else written[0]


def where(condition: Formula, yes: Formula, no: Formula) -> Formula:
    def write(false: frozenset[str]) -> tuple[str, int]:
        asked = str(condition)
        if asked in false:
            return no.write(false)
        one, other = bracketed(yes.write(false)), bracketed(no.write(false | {asked}))
        lines = rf"{one} & \text{{where }} {asked} \\ {other} & \text{{elsewhere}}"
        return rf"\begin{{cases}} {lines} \end{{cases}}", ATOM

    return Formula(write)


# What each operation looks like: its TeX, how tightly it binds, and how tightly its parts must.
LOOKS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "negative": ("-{}", PRODUCT, (PRODUCT,)),
    "add": ("{} + {}", SUM, (SUM, SUM)),
    "subtract": ("{} - {}", SUM, (SUM, PRODUCT)),
    "multiply": (r"{} \odot {}", PRODUCT, (PRODUCT, PRODUCT)),
    "divide": (r"\frac{{{}}}{{{}}}", ATOM, (RELATION, RELATION)),
    "power": ("{}^{{{}}}", PRODUCT, (ATOM, RELATION)),
    "exp": ("e^{{{}}}", PRODUCT, (RELATION,)),
    "log": (r"\log {}", PRODUCT, (ATOM,)),
    "log1p": (r"\log(1 + {})", ATOM, (SUM,)),
    "expm1": ("e^{{{}}} - 1", SUM, (RELATION,)),
    "sqrt": (r"\sqrt{{{}}}", ATOM, (RELATION,)),
    "square": ("{}^2", PRODUCT, (ATOM,)),
    "tanh": (r"\tanh {}", PRODUCT, (ATOM,)),
    "sin": (r"\sin {}", PRODUCT, (ATOM,)),
    "cos": (r"\cos {}", PRODUCT, (ATOM,)),
    "absolute": (r"\vert {} \vert", ATOM, (RELATION,)),
    "sign": (r"\operatorname{{sign}} {}", PRODUCT, (ATOM,)),
    "reciprocal": (r"\frac{{1}}{{{}}}", ATOM, (RELATION,)),
    "maximum": (r"\max({}, {})", ATOM, (RELATION, RELATION)),
    "minimum": (r"\min({}, {})", ATOM, (RELATION, RELATION)),
    "greater": ("{} > {}", RELATION, (SUM, SUM)),
    "greater_equal": (r"{} \ge {}", RELATION, (SUM, SUM)),
    "less": ("{} < {}", RELATION, (SUM, SUM)),
    "less_equal": (r"{} \le {}", RELATION, (SUM, SUM)),
    "equal": ("{} = {}", RELATION, (SUM, SUM)),
    "not_equal": (r"{} \ne {}", RELATION, (SUM, SUM)),
    "logical_and": (r"{} \land {}", RELATION, (SUM, SUM)),
    "logical_or": (r"{} \lor {}", RELATION, (SUM, SUM)),
    "logical_not": (r"\lnot {}", RELATION, (ATOM,)),
}


def apply(name: str, xs: Iterable[Any]) -> Formula:
    """The formula of an operation on formulas. Raises KeyError for one that has no look."""
    template, binding, needs = LOOKS[name]
    parts = [formula(x) for x in xs]

    def write(false: frozenset[str]) -> tuple[str, int]:
        written = [part.write(false) for part in parts]
        inner = [
            tex if binds >= need else rf"\left({tex}\right)"
            for (tex, binds), need in zip(written, needs, strict=True)
        ]
        if name == "multiply" and inner[0] == inner[1]:
            return f"{inner[0]}^2", PRODUCT
        if name == "multiply" and inner[0].isdigit():
            return f"{inner[0]} {inner[1]}", PRODUCT
        return template.format(*inner), binding

    return Formula(write)


@dataclass(frozen=True)
class Example:
    """A NumPy function that is one primitive, and the shapes of arrays to call it with."""

    f: Callable[..., Any]
    shapes: tuple[Shape, ...]

    def arrays(self, rng: np.random.Generator) -> dict[str, Any]:
        """Random numbers from ½ to 2, where every primitive has a value and a slope."""
        return {f"x{i}": rng.uniform(0.5, 2, size=shape) for i, shape in enumerate(self.shapes)}

    def call(self, **arrays: Any) -> Any:
        """f of the arrays in their order, as a function of arrays by name."""
        return self.f(*arrays.values())

    def __str__(self) -> str:
        y = np.shape(self.f(*map(np.ones, self.shapes)))
        return f"{', '.join(map(str, self.shapes))} → {y}"


EVERY_OTHER = np.array([True, False, True])
EXAMPLES = {
    name: Example(getattr(np, name), ((2, 3), (3,))[: primitive.arity])
    for name, primitive in PRIMITIVES.items()
    if RULES[name].diagonal or RULES[name].vjp(0) is None
} | {
    "where": Example(lambda a, b: np.where(EVERY_OTHER, a, b), ((2, 3), (3,))),
    "sum": Example(lambda x: np.sum(x, axis=1), ((2, 3),)),
    "mean": Example(lambda x: np.mean(x, axis=1), ((2, 3),)),
    "max": Example(lambda x: np.max(x, axis=1), ((2, 3),)),
    "min": Example(lambda x: np.min(x, axis=1), ((2, 3),)),
    "cumsum": Example(lambda x: np.cumsum(x, axis=1), ((2, 3),)),
    "matmul": Example(np.matmul, ((2, 3), (3, 4))),
    "einsum": Example(lambda a, b: np.einsum("ki,kj->ij", a, b), ((2, 3), (2, 4))),
    "transpose": Example(np.transpose, ((2, 3),)),
    "reshape": Example(lambda x: np.reshape(x, (3, 2)), ((2, 3),)),
    "broadcast_to": Example(lambda x: np.broadcast_to(x, (2, 3)), ((3,),)),
    "index": Example(lambda x: x[:, 1], ((2, 3),)),
    "take": Example(lambda x: x[np.array([0, 2, 2, 1])], ((3,),)),
    "concatenate": Example(lambda a, b: np.concatenate([a, b]), ((2, 3), (1, 3))),
    "stack": Example(lambda a, b: np.stack([a, b]), ((3,), (3,))),
    "pad": Example(lambda x: np.pad(x, 1), ((2, 3),)),
    "sliding_window_view": Example(lambda x: sliding_window_view(x, 2), ((4,),)),
}


class Table:
    """Rules as a table, typeset where Markdown is, and as plain text elsewhere.

    `links` holds an address for each name that has one: where the rule is derived.
    """

    def __init__(self, names: Iterable[str], links: Mapping[str, str]) -> None:
        self.names, self.links = tuple(names), links

    def _repr_markdown_(self) -> str:
        head: tuple[str, ...] = ("output $y$", "vjp")
        columns: Callable[[str], tuple[str, ...]] = entry_by_entry
        if not RULES[self.names[0]].diagonal:
            head, columns = ("for example", "vjp", "jvp"), in_words
        rows = [("primitive", *head), (":--",) * (1 + len(head))]
        for name in self.names:
            link = f"[`{name}`]({self.links[name]})" if name in self.links else f"`{name}`"
            rows.append((link, *columns(name)))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def __repr__(self) -> str:
        return "\n".join(f"{name:<19} {EXAMPLES[name]}" for name in self.names)


def entry_by_entry(name: str) -> tuple[str, str]:
    """y, and the cotangent of each argument, by letters; with u for g the jvp's share of each."""
    rule = RULES[name]
    args = {1: "x", 2: "ab", 3: "cab"}[PRIMITIVES[name].arity or 1]
    g, y, xs = letter("g"), letter("y"), [letter(a) for a in args]
    maps = [(a, rule.vjp(i)) for i, a in enumerate(args)]
    back = [rf"$\bar {a} = {formula(vjp(g, y, *xs))}$" for a, vjp in maps if vjp]
    value = bracketed(formula(PRIMITIVES[name].function(*xs)).write(frozenset()))
    return f"${value}$", "<br>".join(back) or "nothing"


def in_words(name: str) -> tuple[str, str, str]:
    """An example's shapes, and the rule's vjp and jvp as their docstrings say it."""
    maps = RULES[name].vjp(0), RULES[name].jvp(0)
    vjp, jvp = ((map_.__doc__ or "") if map_ else "nothing" for map_ in maps)
    return str(EXAMPLES[name]).replace(", ", ",\N{NO-BREAK SPACE}"), vjp, jvp
