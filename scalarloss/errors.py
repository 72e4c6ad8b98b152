"""Every error raised on purpose: it says what was wrong, what was seen, what to do."""


class ScalarLossError(Exception):
    """The base of all of them."""


class NotScalarError(ScalarLossError, TypeError):
    """A gradient was asked of an output that is not one number."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        super().__init__(
            f"the output has shape {shape}, and a gradient belongs to one number. Three ways on: "
            "reduce it (.sum(), .mean(), a loss); "
            "pass a cotangent, one weight per output: y, pullback = vjp(f, ...); pullback(v); "
            "or ask for every row at once: jacobian(f, ...). "
            "Which one is yours: 10_find_your_error.html#three-questions, in the book."
        )


class TracingError(ScalarLossError, TypeError):
    """A function did something with a recording array that a program cannot hold."""


class ProgramError(ScalarLossError, ValueError):
    """A program, as data, is damaged, of another version, or names an unknown operation."""


class ShapeError(ScalarLossError, ValueError):
    """Shapes do not fit, an array is empty, or an entry does not exist."""


class DtypeError(ScalarLossError, TypeError):
    """An array is not made of real floating-point numbers."""


class NonFiniteError(ScalarLossError, ValueError):
    """A NaN or an infinity stands where a check needs a number."""


class GradientCheckError(ScalarLossError, AssertionError):
    """A gradient does not agree with the difference quotient."""


class FrameworksMissingError(ScalarLossError, ImportError):
    """A page asks frameworks that are not installed."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"{' and '.join(names)} cannot be imported here. What is stored below was computed "
            "with them, and stands; to compute it again run `make frameworks`, or "
            "`pip install -r requirements-frameworks.txt`."
        )
