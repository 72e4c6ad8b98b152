"""Value and gradient of one network in five engines, in one run, as ratios to hand-written NumPy.

64-128-10, tanh, softmax cross-entropy, batch 64, float64; every engine is prepared once and then
run on new numbers, as training does. Engines take turns of twenty runs, so that a busy moment of
the machine hits them alike; the first five of a turn warm up and are not counted.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from scalarloss import trace, value_and_grad

NAMES = ("W1", "b1", "W2", "b2")


def network(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "W1": rng.normal(size=(64, 128)) / 8,
        "b1": rng.normal(size=128) / 8,
        "W2": rng.normal(size=(128, 10)) / 11,
        "b2": rng.normal(size=10) / 8,
        "x": rng.normal(size=(64, 64)),
        "t": np.eye(10)[rng.integers(0, 10, 64)],
    }


def loss(W1, b1, W2, b2, x, t, xp=np):
    """Mean cross-entropy of softmax(tanh(x W1 + b1) W2 + b2) with one-hot t (64, 10)."""
    z = xp.tanh(x @ W1 + b1) @ W2 + b2
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
    return -(t * log_p).sum() / 64


def by_hand(W1, b1, W2, b2, x, t):
    """The same network, its gradient written out."""
    h = np.tanh(x @ W1 + b1)
    z = h @ W2 + b2
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    value = -(t * (z - np.log(s))).sum() / 64
    dz = (e / s - t) / 64
    da = (dz @ W2.T) * (1 - h * h)
    return value, {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}


def ours() -> Callable[..., object]:
    program = trace(loss, **network(np.random.default_rng(0)))
    return lambda **arrays: value_and_grad(program, *NAMES, **arrays)


def hips() -> Callable[..., object]:
    import autograd
    import autograd.numpy as anp

    def of_parameters(parameters, x, t):
        z = anp.dot(anp.tanh(anp.dot(x, parameters[0]) + parameters[1]), parameters[2])
        z = z + parameters[3]
        z = z - anp.max(z, axis=1, keepdims=True)
        log_p = z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))
        return -anp.sum(t * log_p) / 64

    both = autograd.value_and_grad(of_parameters)

    def run(x, t, **parameters):
        value, gradient = both([parameters[n] for n in NAMES], x, t)
        return value, dict(zip(NAMES, gradient, strict=True))

    return run


def pytorch() -> Callable[..., object]:
    import torch

    torch.set_num_threads(1)

    def run(x, t, **parameters):
        leaves = [torch.from_numpy(parameters[n]).requires_grad_() for n in NAMES]
        W1, b1, W2, b2 = leaves
        z = torch.tanh(torch.from_numpy(x) @ W1 + b1) @ W2 + b2
        value = -(torch.from_numpy(t) * torch.log_softmax(z, 1)).sum() / 64
        gradient = torch.autograd.grad(value, leaves)
        return value.item(), {n: g.numpy() for n, g in zip(NAMES, gradient, strict=True)}

    return run


def jax() -> Callable[..., object]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def of_parameters(parameters, x, t):
        return loss(**parameters, x=x, t=t, xp=jnp)

    both = jax.jit(jax.value_and_grad(of_parameters))

    def run(x, t, **parameters):
        value, gradient = both(parameters, x, t)
        return float(value), {n: np.asarray(gradient[n]) for n in NAMES}

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    engines = {
        f"NumPy {np.__version__}, by hand": lambda **a: by_hand(**a),
        "scalarloss, traced once": ours(),
        f"HIPS autograd {version('autograd')}": hips(),
        f"PyTorch {version('torch')}": pytorch(),
        f"JAX {version('jax')}, compiled": jax(),
    }
    rng = np.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        networks = [network(rng) for _ in range(20)]
        expected = [by_hand(**arrays) for arrays in networks]
        for name, run in engines.items():
            found = []
            for arrays in networks:
                start = time.perf_counter()
                found.append(run(**arrays))
                times[name].append(time.perf_counter() - start)
            del times[name][-20:-15]
            for (value, gradient), (known, known_gradient) in zip(found, expected, strict=True):
                np.testing.assert_allclose(value, known, rtol=1e-12)
                for n in NAMES:
                    np.testing.assert_allclose(
                        gradient[n], known_gradient[n], rtol=1e-9, atol=1e-13
                    )
    medians = {name: statistics.median(t) for name, t in times.items()}
    hand = next(iter(medians.values()))
    print(f"{platform.machine()}, Python {platform.python_version()}, {rounds} turns of 15 runs")
    for name, median in medians.items():
        print(f"{name:32} {median * 1e6:8.0f} µs  {median / hand:5.2f} times by hand")


if __name__ == "__main__":
    main()
