"""What readers answer, by exercise: three right answers written differently, five wrong ones.

One module a chapter, named as the module of `scalarloss.exercises` that marks it. Each holds
ANSWERS: an `Answers` for each of its exercises, by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answers:
    """`right`: functions that answer the question, each in its own way. `wrong`: functions that
    make a natural mistake, each with words that the mark must hold whatever numbers are drawn."""

    right: list[Callable[..., Any]]
    wrong: list[tuple[Callable[..., Any], str]]
