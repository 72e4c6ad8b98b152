"""Exercises that mark themselves: a reader's function, called with fresh numbers each time.

An Exercise knows the right answer. A Search knows what a right answer must do, where there are
many. Both are called with the reader's function and return a Mark.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from scalarloss.diagnose import diagnose
from scalarloss.marking import NONE

Function: TypeAlias = Callable[..., Any]
Arguments: TypeAlias = dict[str, Any]


LONG = 6  # an array of more entries is shown by its shape
DATA = (np.ndarray, np.generic, int, float, complex, str)
NUMBERS = "fiu"  # the kinds of dtype
WHEREVER = (
    "sign",
    "factor",
    "zeros",
    "rounding",
    "right",
)  # kinds that do not ask where an entry stands


@dataclass(frozen=True)
class Mark:
    """Right, or what is wrong: its repr is the sentence.

    `kind` is "right", "not written", "error", "changed", "hard-coded", "dtype", "flaw", or one of
    `diagnose`: "known" is a mistake that the exercise knows by name.
    `case` holds the arguments that went wrong: call your function with them again.
    """

    right: bool
    words: str
    kind: str = "right"
    case: Arguments = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.words


class RefusedError(Exception):
    """Carries the mark of an answer that need not be looked at any further."""

    def __init__(self, kind: str, words: str, case: Arguments | None = None) -> None:
        super().__init__(words)
        self.mark = Mark(False, words, kind, case or {})


@dataclass(frozen=True)
class Case:
    """Fresh arguments, what the reader's function answered, and what mistakes that we know did."""

    arguments: Arguments
    answer: Any
    mistaken: dict[str, dict[str, Any]] = field(default_factory=dict, compare=False, repr=False)


def call(function: Function, *arguments: Any) -> Any:
    return function(*arguments)


@dataclass(frozen=True)
class Exercise:
    """A function to write, of which the answer is known.

    truth     the right answer: an array, a number, a word, or a tuple or dict of them
    draw      takes a NumPy Generator and returns fresh arguments by name, which `truth`, the
              mistakes and the reader's function get by position
    mistakes  wrong answers by the name of the mistake that leads to each; of a tuple or dict, a
              dict of the parts that are wrong is enough
    parts     the names of a tuple's parts, such as ("dL_dx", "dL_dW")
    sizes     takes the arguments and returns what a sum may run over, by name: {"N": 4}
    use       takes a function and the arguments, and returns the answer; by default it calls the
              one with the others. For a function that is to be counted, or differentiated
    cases     how many times to ask
    rtol      how far off an entry may be, relative to the largest one
    """

    truth: Function
    draw: Callable[[np.random.Generator], Arguments]
    mistakes: Mapping[str, Function] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    sizes: Callable[..., Mapping[str, int]] | None = None
    use: Callable[..., Any] = call
    cases: int = 5
    rtol: float = 1e-7

    def __call__(self, function: Function, rng: np.random.Generator | None = None) -> Mark:
        """Mark the reader's function, with fresh numbers or with those that `rng` draws."""
        try:
            cases = ask(function, self.draw, self.use, self.cases, rng)
            rights = [self.answer(self.truth, case) for case in cases]
            self.refuse_one_answer(cases, rights, name_of(function))
            wrong = [
                found
                for case, right in zip(cases, rights, strict=True)
                if (found := self.compare(case, right, name_of(function))).parts
            ]
        except RefusedError as refused:
            return refused.mark
        if not wrong:
            return Mark(True, f"Right: {len(cases)} fresh cases.")
        kind, words = self.explain(wrong)
        words = f"Wrong in {len(wrong)} of {len(cases)} fresh cases: {words}. {wrong[0]}"
        return Mark(False, words, kind, wrong[0].case.arguments)

    def refuse_one_answer(self, cases: list[Case], rights: list[Any], name: str) -> None:
        """Refuse the same answer to everything, where the right one changes (but for zeros)."""
        first = cases[0].answer
        if (
            len(cases) > 1
            and all(same(case.answer, first) for case in cases)
            and not all(same(right, rights[0]) for right in rights)
            and not all(is_zero(part) for part in self.split(first).values())
            and not any(is_not_finite(part) for part in self.split(first).values())
        ):
            raise RefusedError(
                "hard-coded",
                f"Wrong: {name} gives {show(first)} in every case, and the right answer changes "
                "with the arguments: compute it from them.",
                cases[0].arguments,
            )

    def answer(self, function: Function, case: Case) -> Any:
        """What a function of ours answers to the arguments that the reader's got."""
        with np.errstate(all="ignore"):  # a mistake may divide by 0
            return self.use(function, *copied(case.arguments).values())

    def split(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name; an answer of one part has the name ""."""
        if isinstance(answer, Mapping):
            return dict(answer)
        if isinstance(answer, tuple):
            names = self.parts or tuple(f"part {k}" for k in range(len(answer)))
            return dict(zip(names, answer, strict=False))
        return {"": answer}

    def compare(self, case: Case, right: Any, name: str) -> "Wrong":
        """The parts of an answer that are wrong, with what would be right."""
        answer, expected = case.answer, self.split(right)
        if isinstance(right, tuple) and isinstance(answer, list):
            answer = tuple(answer)
        if isinstance(right, tuple) and isinstance(answer, np.ndarray) and answer.ndim == 1:
            answer = tuple(answer) if not any(map(np.ndim, right)) else answer  # numbers in a row
        given = self.split(answer)
        if isinstance(right, tuple) and (
            not isinstance(answer, tuple) or len(answer) != len(right)
        ):
            seen = f"{len(answer)}" if isinstance(answer, tuple) else kind_of(answer)
            raise RefusedError(
                "shape",
                f"Wrong: {name} returns {seen}, and {len(right)} answers are asked for: "
                f"return {', '.join(expected)}.",
                case.arguments,
            )
        if given.keys() != expected.keys():
            raise RefusedError(
                "shape",
                f"Wrong: {name} returns {kind_of(case.answer)}, and what is asked for is "
                f"{kind_of(right)}.",
                case.arguments,
            )
        parts = {}
        for part, asked_for in expected.items():
            if not self.knows_not_finite(given[part], part, case):
                refuse_unreadable(given[part], asked_for, part, case, name)
            if not agree(given[part], asked_for, self.rtol):
                parts[part] = given[part], asked_for
        return Wrong(case, parts, name)

    def knows_not_finite(self, given: Any, part: str, case: Case) -> bool:
        """Whether this is the NaN or the infinity of a mistake that is known by name."""
        if not is_not_finite(given):
            return False
        answers = (self.split(self.answer(f, case)) for f in self.mistakes.values())
        return any(agree(given, wrong[part], self.rtol) for wrong in answers if part in wrong)

    def explain(self, wrong: list["Wrong"]) -> tuple[str, str]:
        """What kind of mistake it is, and in words, for each part that is wrong anywhere."""
        kinds, said = [], dict[str, list[str]]()
        for part in {part: None for found in wrong for part in found.parts}:
            kind, words = self.explain_part(part, [found for found in wrong if part in found.parts])
            kinds.append(kind)
            said.setdefault(words, []).append(part)
        parts = {words: " and ".join(parts) for words, parts in said.items()}
        return kinds[0], "; ".join(f"{part}: {w}" if part else w for w, part in parts.items())

    def explain_part(self, part: str, wrong: list["Wrong"]) -> tuple[str, str]:
        known = [
            mistake
            for mistake in self.mistakes
            if all(self.is_mistake(mistake, part, found) for found in wrong)
        ]
        if known:
            return "known", ", or ".join(known)
        if not all(found.is_number(part) for found in wrong):
            return "unsure", "not what is asked for"
        if all(found.is_cut_off(part) for found in wrong) and not all(
            is_zero(found.parts[part][0]) for found in wrong
        ):
            return "dtype", "whole numbers, every fraction cut off: make the array of floats"
        if all(found.is_wrapped(part, self.rtol) for found in wrong):
            given, right = map(np.shape, wrong[0].parts[part])
            return "shape", f"the right number in shape {given}, and {right} is asked for"
        misshapen = [found for found in wrong if found.is_misshapen(part)]
        each = [
            diagnose(*found.parts[part], sizes=self.sizes_of(found.case))
            for found in misshapen or wrong
        ]
        agreed = all(one.kind == each[0].kind != "unsure" for one in each)
        if misshapen and not agreed:
            given, right = map(np.shape, misshapen[0].parts[part])
            return "shape", f"shape {given}, and {right} is right"
        found = each[0]
        if not misshapen:
            pairs = zip(*(map(np.ravel, found.parts[part]) for found in wrong), strict=True)
            whole = diagnose(*map(np.concatenate, pairs))
            if whole.kind in WHEREVER and (whole.certainty == "sure" or not agreed):
                found = whole
            elif not agreed:
                return "unsure", NONE
        if found.kind == "right":
            return "rounding", "right to six digits, and not further"
        words = found.words.rstrip(".")
        if all(one.is_count(part) for one in wrong):
            if found.kind == "zeros":
                return "zeros", "0, and there is something to count"
            words = re.sub(r" \([^()]*\?\)", "", words)  # "(a half forgotten?)": not of a count
        return found.kind, words

    def is_mistake(self, mistake: str, part: str, found: "Wrong") -> bool:
        known = found.case.mistaken  # each mistake is asked once, whatever the number of parts
        if mistake not in known:
            known[mistake] = self.split(self.answer(self.mistakes[mistake], found.case))
        answers = known[mistake]
        return part in answers and agree(found.parts[part][0], answers[part], self.rtol)

    def sizes_of(self, case: Case) -> Mapping[str, int]:
        if self.sizes:
            return self.sizes(*case.arguments.values())
        shapes = (np.shape(a) for a in case.arguments.values() if isinstance(a, np.ndarray))
        return {str(n): n for shape in shapes for n in shape if n > 1}


@dataclass(frozen=True)
class Wrong:
    """The parts of one case's answer that are wrong: (given, right) by name."""

    case: Case
    parts: dict[str, tuple[Any, Any]]
    name: str

    def is_number(self, part: str) -> bool:
        return np.asarray(self.parts[part][1]).dtype.kind in NUMBERS

    def is_count(self, part: str) -> bool:
        return np.asarray(self.parts[part][1]).dtype.kind in "iu"

    def is_cut_off(self, part: str) -> bool:
        given, right = map(np.asarray, self.parts[part])
        return given.dtype.kind in "iu" and agree(given, np.trunc(right), 0)

    def is_wrapped(self, part: str, rtol: float) -> bool:
        given, right = map(np.asarray, self.parts[part])
        return given.size == right.size == 1 and agree(given.reshape(right.shape), right, rtol)

    def is_misshapen(self, part: str) -> bool:
        given, right = self.parts[part]
        return bool(np.shape(given) != np.shape(right))

    def __str__(self) -> str:
        part, (given, right) = next(iter(self.parts.items()))
        given, right = np.asarray(given), np.asarray(right)
        if given.shape == right.shape and right.size > LONG:
            apart = np.abs(given - right) if self.is_number(part) else given != right
            place = np.unravel_index(np.argmax(apart), right.shape)
            part = f"{part or 'entry'}[{', '.join(map(str, place))}]"
            given, right = given[place], right[place]
        gave = f"{part} = {show(given[()])}" if part else show(given[()])
        return (
            f"With {show_arguments(self.case.arguments)} {self.name} gave {gave}, and "
            f"{show(right[()])} is right."
        )


@dataclass(frozen=True)
class Search:
    """Something to find, of which there are many.

    flaw   takes the reader's answer and the arguments, and says what is wrong with it, or ""
    draw, use and cases as in an Exercise
    """

    flaw: Callable[..., str]
    draw: Callable[[np.random.Generator], Arguments]
    use: Callable[..., Any] = call
    cases: int = 5

    def __call__(self, function: Function, rng: np.random.Generator | None = None) -> Mark:
        """Mark the reader's function, with fresh numbers or with those that `rng` draws."""
        try:
            cases = ask(function, self.draw, self.use, self.cases, rng)
        except RefusedError as refused:
            return refused.mark
        for case in cases:
            if words := self.flaw_of(case):
                seen = f"With {show_arguments(case.arguments)} {name_of(function)} gave "
                seen += f"{show(case.answer)}."
                return Mark(False, f"Wrong: {words}. {seen}", "flaw", case.arguments)
        return Mark(True, f"Right: {len(cases)} fresh cases.")

    def flaw_of(self, case: Case) -> str:
        try:
            return self.flaw(deepcopy(case.answer), *deepcopy(case.arguments).values())
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            return f"this is {kind_of(case.answer)}, and it does not fit ({error})"


def ask(
    function: Function,
    draw: Callable[[np.random.Generator], Arguments],
    use: Callable[..., Any],
    cases: int,
    rng: np.random.Generator | None = None,
) -> list[Case]:
    """The function's answers to copies of fresh arguments.

    Raises RefusedError for a function that is not written, raises, or changes its arguments.
    """
    if not callable(function):
        raise RefusedError(
            "error", f"Wrong: this is {kind_of(function)}. Pass your function itself."
        )
    rng, name = rng or np.random.default_rng(), name_of(function)

    def written(*arguments: Any) -> Any:
        answer = function(*arguments)
        parts = list(leaves(answer))
        if parts and all(part is None or part is ... for part in parts):
            raise NotImplementedError
        return answer

    asked = []
    for _ in range(cases):
        arguments = draw(rng)
        copies = copied(arguments)
        try:
            answer = deepcopy(use(written, *copies.values()))
        except Exception as error:
            if isinstance(error, NotImplementedError) or "ellipsis" in str(error):
                words = f"Not written yet: {name} returns nothing."
                raise RefusedError("not written", words) from None
            words = f"Wrong: {name} raised {type(error).__name__}: {str(error).rstrip(' .')}."
            words += f" Its arguments: {show_arguments(arguments)}."
            raise RefusedError("error", words, arguments) from None
        for argument, before in arguments.items():
            if not same(copies[argument], before):
                words = f"Wrong: {name} changes its argument {argument}, which its caller still "
                words += "needs: work on a copy, or make a new array."
                raise RefusedError("changed", words, arguments)
        asked.append(Case(arguments, answer))
    return asked


def copied(thing: Any) -> Any:
    """What deepcopy gives, sooner for arguments as an exercise draws them."""
    if type(thing) is np.ndarray and thing.dtype.kind != "O":
        return thing.copy(order="K")
    if type(thing) is dict:
        return {name: copied(value) for name, value in thing.items()}
    if type(thing) in (list, tuple):
        return type(thing)(map(copied, thing))
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return type(thing)(*map(copied, thing))
    return thing if type(thing) in (str, int, float, bool) else deepcopy(thing)


def leaves(answer: Any) -> Iterator[Any]:
    """The answer's parts, however nested."""
    if isinstance(answer, Mapping):
        answer = tuple(answer.values())
    if isinstance(answer, tuple | list):
        for part in answer:
            yield from leaves(part)
    else:
        yield answer


def refuse_unreadable(given: Any, right: Any, part: str, case: Case, name: str) -> None:
    """Refuse what is not of the right kind: numbers for numbers."""
    wanted = np.asarray(right).dtype
    try:
        found = np.asarray(given)
    except ValueError:
        found = np.asarray(None)
    what = f"{name} gives {kind_of(given)}" + (f" for {part}" if part else "")
    if wanted.kind in NUMBERS and found.dtype.kind not in NUMBERS:
        raise RefusedError(
            "dtype", f"Wrong: {what}, and real numbers are asked for.", case.arguments
        )
    if wanted.kind not in NUMBERS and wanted.kind != found.dtype.kind:
        raise RefusedError(
            "dtype", f"Wrong: {what}, and {kind_of(right)} is asked for.", case.arguments
        )
    if wanted.kind in NUMBERS and np.isfinite(right).all() and not np.isfinite(found).all():
        where = show_arguments(case.arguments)
        words = f"Wrong: {what} with a NaN or an infinity in it, where {where}."
        raise RefusedError("not finite", words, case.arguments)


def agree(given: Any, right: Any, rtol: float) -> bool:
    """Whether both have one shape and agree: floats to `rtol`, all else exactly, NaN with NaN."""
    a, b = np.asarray(given), np.asarray(right)
    if a.shape != b.shape:
        return False
    if b.dtype.kind != "f":
        return bool(np.all(a == b))
    scale = max(float(np.max(np.abs(b[np.isfinite(b)]), initial=0)), 1e-6)
    both_nan = (a != a) & (b != b)
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return bool(np.all((np.abs(a - b) <= rtol * scale) | (a == b) | both_nan))


def is_not_finite(answer: Any) -> bool:
    """Whether these are numbers, and one of them is a NaN or an infinity."""
    try:
        numbers = np.asarray(answer)
    except ValueError:
        return False
    return bool(numbers.dtype.kind == "f" and not np.isfinite(numbers).all())


def same(a: Any, b: Any) -> bool:
    """Whether two arguments or answers are equal, entry by entry, where they are data."""
    if type(a) is type(b) is np.ndarray and a.dtype == b.dtype and a.dtype.kind in NUMBERS:
        same_bytes = a.shape == b.shape and a.tobytes() == b.tobytes()
        if same_bytes:  # sooner than entry by entry, where NaN and -0.0 want a look
            return True
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if all(isinstance(thing, DATA) for thing in (a, b)):
        a, b = np.asarray(a), np.asarray(b)
        return a.shape == b.shape and bool(np.all((a == b) | ((a != a) & (b != b))))
    return type(a) is type(b)


def is_zero(part: Any) -> bool:
    return np.asarray(part).dtype.kind in "fiu" and not np.any(part)


def name_of(function: Function) -> str:
    name = str(getattr(function, "__name__", "your function"))
    return "your function" if name == "<lambda>" else name


def kind_of(thing: Any) -> str:
    """What a thing is, with its article."""
    if isinstance(thing, np.ndarray):
        dtype = "" if thing.dtype == float else f" and dtype {thing.dtype}"
        return f"an array of shape {thing.shape}{dtype}"
    if isinstance(thing, tuple | list):
        return f"a {type(thing).__name__} of {len(thing)}"
    if isinstance(thing, bool | np.bool_):
        return "True or False"
    if isinstance(thing, int | float | np.number):
        return "a number"
    if callable(thing):
        return "a function"
    return {"str": "a word", "NoneType": "None", "dict": "a dict"}.get(
        type(thing).__name__, f"of type {type(thing).__name__}"
    )


def show(thing: Any) -> str:
    """A short thing in full, a long one by its shape."""
    if isinstance(thing, np.generic):
        thing = thing.item()
    if isinstance(thing, Mapping):
        return "{" + show_arguments(dict(thing)) + "}"
    if isinstance(thing, tuple | list):
        opening, closing = "()" if isinstance(thing, tuple) else "[]"
        return opening + ", ".join(map(show, thing)) + closing
    if isinstance(thing, np.ndarray) and thing.size > LONG:
        return f"an array of shape {thing.shape}"
    if isinstance(thing, np.ndarray):
        return " ".join(np.array2string(thing, precision=4, separator=", ").split())
    if isinstance(thing, float):
        return f"{thing:.6g}"
    return repr(thing)


def show_arguments(arguments: Arguments) -> str:
    shown = {name: value for name, value in arguments.items() if not callable(value)}
    return ", ".join(f"{name} = {show(value)}" for name, value in shown.items())


def distinct(rng: np.random.Generator, count: int, among: Iterable[int] = range(2, 6)) -> list[int]:
    """Sizes of which no two are equal, so that no transpose can hide."""
    return [int(n) for n in rng.permutation(list(among))[:count]]


def normal(rng: np.random.Generator, *shape: int) -> Any:
    """Random numbers of two decimals, so that a case can be read, none of them 0."""
    numbers = np.round(rng.normal(size=shape), 2)
    numbers = np.where(numbers == 0, 0.5, numbers)
    return numbers if shape else float(numbers)
