"""A program as a graph: its values in layers, few crossings, each with a place and a name."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from scalarloss.primitives import Array
from scalarloss.program import Program

Place: TypeAlias = tuple[int, float]  # a layer, and how far along it; nodes stand 1 apart
Use: TypeAlias = tuple[int, int]  # an operation's slot, and the position of its argument
BEND = 0.55  # how much room a passing edge takes beside a node, of a node's own
SWEEPS = 12


@dataclass(frozen=True)
class Graph:
    """Where each input and operation stands, and where an edge bends on its way between layers.

    `places` has them by slot; `bends` by operation's slot and position of the argument, for those
    edges that pass a layer. Constants have no place: they are written into their operation.
    """

    places: Mapping[int, Place]
    bends: Mapping[Use, Sequence[Place]]

    @property
    def size(self) -> tuple[int, float]:
        """The number of layers, and the widest place."""
        layers, across = zip(*self.places.values(), strict=True)
        return max(layers) + 1, max(across)

    def edges(self, program: Program) -> Iterator[tuple[int, int, Sequence[Place]]]:
        """Each edge: the slot it leaves, the operation's slot it enters, its bends."""
        for slot, operation in enumerate(program.operations, program.first_operation):
            for i, a in enumerate(operation.args):
                if a in self.places:
                    yield a, slot, self.bends.get((slot, i), ())


def graph_of(program: Program) -> Graph:
    """Lay `program` out by Sugiyama's steps: layers by the longest path, order within a layer by
    the neighbours' mean, then places as near to the neighbours as their order allows.

    Sugiyama, Tagawa and Toda, IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
    """
    layers = layers_of(program)
    rows: list[list[Use]] = [[] for _ in range(max(layers.values()) + 1)]
    links: list[tuple[Use, Use]] = []
    passing: dict[Use, list[Use]] = {}
    for slot, layer in layers.items():
        rows[layer].append((slot, -1))
    for slot, operation in enumerate(program.operations, program.first_operation):
        for i, a in enumerate(operation.args):
            if a not in layers:
                continue
            bends = range(layers[a] + 1, layers[slot])
            # A bend is named by what no node has: its layer as a negative slot, its edge's number.
            passing[slot, i] = [(-1 - layer, len(links)) for layer in bends]
            for layer, bend in zip(bends, passing[slot, i], strict=True):
                rows[layer].append(bend)
            chain = [(a, -1), *passing[slot, i], (slot, -1)]
            links += pairwise(chain)
    rows = in_order(rows, links)
    across = places_of(rows, links)
    least = min(across.values())
    place = {
        node: (layer, round(float(across[node] - least), 3))
        for layer, row in enumerate(rows)
        for node in row
    }
    return Graph(
        {slot: place[slot, -1] for slot in layers},
        {use: [place[bend] for bend in bends] for use, bends in passing.items() if bends},
    )


def layers_of(program: Program) -> dict[int, int]:
    """The layer of each input and operation: behind all that it needs; inputs just in time."""
    operations = list(enumerate(program.operations, program.first_operation))
    layers = dict.fromkeys(range(len(program.inputs)), 0)
    for slot, operation in operations:
        layers[slot] = 1 + max((layers[a] for a in operation.args if a in layers), default=-1)
    for slot in range(len(program.inputs)):
        users = [layers[user] for user, operation in operations if slot in operation.args]
        layers[slot] = min(users, default=1) - 1
    if program.output not in layers:  # a constant
        layers[program.output] = 0
    return layers


def neighbours(links: Sequence[tuple[Use, Use]]) -> tuple[dict[Use, list[Use]], ...]:
    """Those before and those behind each node."""
    before: dict[Use, list[Use]] = defaultdict(list)
    behind: dict[Use, list[Use]] = defaultdict(list)
    for a, b in links:
        before[b].append(a)
        behind[a].append(b)
    return before, behind


def in_order(rows: list[list[Use]], links: Sequence[tuple[Use, Use]]) -> list[list[Use]]:
    """The rows, each in the order found with the fewest crossings."""
    before, behind = neighbours(links)
    best, fewest = rows, crossings(rows, links)
    for sweep in range(SWEEPS):
        near, way = (before, 1) if sweep % 2 == 0 else (behind, -1)
        rows = [list(row) for row in rows]
        position = {node: i for row in rows for i, node in enumerate(row)}
        for row in rows[::way]:
            means = {n: np.mean([position[m] for m in near.get(n) or [n]]) for n in row}
            row.sort(key=lambda n: means[n])
            position.update((node, i) for i, node in enumerate(row))
        count = crossings(rows, links)
        if count < fewest:
            best, fewest = rows, count
    return best


def crossings(rows: Sequence[Sequence[Use]], links: Sequence[tuple[Use, Use]]) -> int:
    position = {node: (layer, i) for layer, row in enumerate(rows) for i, node in enumerate(row)}
    spans = defaultdict(list)
    for a, b in links:
        layer, i = position[a]
        spans[layer].append((i, position[b][1]))
    return sum(
        (a - c) * (b - d) < 0
        for ends in spans.values()
        for n, (a, b) in enumerate(ends)
        for c, d in ends[:n]
    )


def places_of(rows: Sequence[Sequence[Use]], links: Sequence[tuple[Use, Use]]) -> dict[Use, float]:
    """How far along its row each node stands: near its neighbours' mean, none too close."""
    before, behind = neighbours(links)
    across = {node: float(i) for row in rows for i, node in enumerate(row)}

    def settle(row: Sequence[Use], near: Mapping[Use, Sequence[Use]]) -> None:
        wanted = [np.mean([across[m] for m in near.get(n) or [n]]) for n in row]
        room = [1.0 if slot >= 0 else BEND for slot, _ in row]
        gaps = np.cumsum([0.0] + [(a + b) / 2 for a, b in pairwise(room)])
        weights = [1.0 if slot >= 0 else 4.0 for slot, _ in row]  # a long edge is straight
        across.update(zip(row, monotone(wanted - gaps, weights) + gaps, strict=True))

    for _ in range(SWEEPS):
        for row in rows[::-1]:
            settle(row, behind)
        for row in rows:
            settle(row, before)
    for row in rows[::-1]:  # where nothing comes before, what comes behind says where
        settle(row, {node: behind[node] for node in row if node not in before})
    return across


def monotone(wanted: Sequence[float], weights: Sequence[float]) -> Array:
    """The rising numbers nearest to those wanted, by pooling neighbours that fall."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        count = 1
        while pools and pools[-1][0] > value:
            other, heft, many = pools.pop()
            value = (value * weight + other * heft) / (weight + heft)
            weight, count = weight + heft, count + many
        pools.append((value, weight, count))
    return np.repeat([value for value, _, _ in pools], [count for _, _, count in pools])
