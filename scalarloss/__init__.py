"""Down to a Scalar: trace a NumPy function, differentiate it, check it."""

from scalarloss.derivatives import grad, jacobian, jvp, value_and_grad, vjp
from scalarloss.errors import (
    DtypeError,
    GradientCheckError,
    NonFiniteError,
    NotScalarError,
    ProgramError,
    ScalarLossError,
    ShapeError,
    TracingError,
)
from scalarloss.program import Program
from scalarloss.tracing import trace

__all__ = [
    "DtypeError",
    "GradientCheckError",
    "NonFiniteError",
    "NotScalarError",
    "Program",
    "ProgramError",
    "ScalarLossError",
    "ShapeError",
    "TracingError",
    "grad",
    "jacobian",
    "jvp",
    "trace",
    "value_and_grad",
    "vjp",
]
