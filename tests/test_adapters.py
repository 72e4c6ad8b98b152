"""The adapter: a layer that keeps its own arrays is checked in one line, whatever its habits."""

import numpy as np
import pytest

from scalarloss.adapters import from_layer
from scalarloss.check import check_vjp
from scalarloss.diagnose import diagnose_backward
from scalarloss.errors import GradientCheckError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))


class Dense:
    """Keeps W and b, and leaves dW and db; caches x and, needlessly, y and dy."""

    def __init__(self, mean=False):
        self.W, self.b = RNG.normal(size=(2, 3)), RNG.normal(size=2)
        self.x = self.y = self.dy = None
        self.mean = mean

    def forward(self, x):
        self.x, self.y = x, x @ self.W.T + self.b
        return self.y

    def backward(self, g):
        self.dy = g
        self.dW = g.T @ self.x
        self.db = g.mean(axis=0) if self.mean else g.sum(axis=0)
        return g @ self.W


class InDicts:
    def __init__(self, prefix):
        self.params, self.grads = {"W": RNG.normal(size=(2, 3))}, {}
        self.prefix = prefix

    def forward(self, x, retain=True):
        self.x = x
        return x @ self.params["W"].T

    def backward(self, g, retain=True):
        self.grads[self.prefix + "W"] = g.T @ self.x
        return g @ self.params["W"]


class InLists:
    def __init__(self):
        self.params = [RNG.normal(size=(2, 3))]
        self.grads = [np.zeros((2, 3))]

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return x @ W.T

    def backward(self, g):
        (W,) = self.params
        self.grads[0][...] = g.T @ self.x
        return g @ W


class Aliased(Dense):
    def __init__(self):
        super().__init__()
        self.params = {"W": self.W, "b": self.b}


class Steps(Dense):
    """Takes the step itself, with the rate that it is handed."""

    def backward(self, output_gradient, learning_rate):
        back = output_gradient @ self.W
        self.W -= learning_rate * output_gradient.T @ self.x
        self.b -= learning_rate * output_gradient.sum(axis=0)
        return back


class Late(Steps):
    def backward(self, g, rate):
        super().backward(g, rate)
        return g @ self.W  # the weights of the next step


class Two:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, g):
        self.da, self.db = g * self.b, g * self.a


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y**2)


class Adds(Dense):
    """Adds to its gradient, as one does who sets it to zero before each step."""

    def __init__(self):
        super().__init__()
        self.dW, self.db = np.zeros((2, 3)), np.zeros(2)

    def backward(self, g):
        self.dW += g.T @ self.x
        self.db += g.sum(axis=0)
        return g @ self.W


@pytest.mark.parametrize(
    ("layer", "entries", "names"),
    [
        (Dense(), 20, ["x", "W", "b"]),
        (InDicts(""), 18, ["x", "W"]),
        (InDicts("d"), 18, ["x", "W"]),
        (InLists(), 18, ["x", "params[0]"]),
        (Aliased(), 20, ["x", "W", "b"]),
        (Tanh(), 12, ["x"]),
        (Adds(), 20, ["x", "W", "b"]),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_right_layer_is_checked_in_one_line_with_its_parameters(layer, entries, names):
    assert list(from_layer(layer, X)[2]) == names
    assert check_vjp(*from_layer(layer, X)).entries == entries
    assert diagnose_backward(*from_layer(layer, X)).kind == "right"


def test_two_inputs_whose_gradients_are_left_in_attributes():
    assert check_vjp(*from_layer(Two(), X, 2 * X)).entries == 24


def test_a_wrong_one_is_refused_and_named():
    with pytest.raises(GradientCheckError, match=r"\nb\["):
        check_vjp(*from_layer(Dense(mean=True), X))
    found = diagnose_backward(*from_layer(Dense(mean=True), X))
    assert found.words == "b: every entry 4 times too small (a mean over 4, not the sum?)."


def test_a_layer_that_has_been_used_is_the_same_and_stays_as_it_was():
    layer = Dense()
    layer.backward(layer.forward(X + 1))
    before = {name: np.copy(a) for name, a in vars(layer).items()}
    assert list(from_layer(layer, X)[2]) == ["x", "W", "b"]
    check_vjp(*from_layer(layer, X))
    for name, a in vars(layer).items():
        np.testing.assert_array_equal(a, before[name])


def test_a_layer_that_takes_the_step_itself_shows_its_gradient_by_what_it_changes():
    with pytest.raises(TypeError, match=r"wants learning_rate besides g: .* pass rate=1\.0"):
        from_layer(Steps(), X)
    assert check_vjp(*from_layer(Steps(), X, rate=1.0)).entries == 20
    assert diagnose_backward(*from_layer(Late(), X, rate=0.1)).kind == "not linear"


def test_where_a_gradient_is_can_be_said():
    class Odd(Dense):
        def backward(self, g):
            self.slope_of_W = g.T @ self.x
            return g @ self.W

    assert list(from_layer(Odd(), X)[2]) == ["x"]
    f, backward, arrays = from_layer(Odd(), X, params={"W": "slope_of_W"})
    assert list(arrays) == ["x", "W"]
    check_vjp(f, backward, arrays)
    for params in ({"W": "nowhere"}, {"V": "dV"}):
        with pytest.raises(GradientCheckError, match=r"Odd has no float array [WV] with"):
            from_layer(Odd(), X, params=params)


def test_an_object_that_is_no_layer_is_refused():
    with pytest.raises(TypeError, match="a float has no forward: pass an object with forward"):
        from_layer(1.0, X)


def test_a_layer_may_call_its_own_array_g():
    class Gain:
        def __init__(self):
            self.g = np.array([1.0, 2, 3])

        def forward(self, x):
            self.x = x
            return x * self.g

        def backward(self, dout):
            self.dg = (dout * self.x).sum(axis=0)
            return dout * self.g

    assert check_vjp(*from_layer(Gain(), X)).entries == 15
