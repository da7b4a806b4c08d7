"""Exact solvers for small problems in whole numbers: a minimum cut and an assignment.

The compiled part solves them too. Both give the same answer where several are equally good: the
smallest cut, and the assignment that the same steps in the same order find.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
FAR = np.int64(1) << 62


class _Network:
    """Arcs in pairs: a goes to head[a], its reverse is a ^ 1; room[a] may still flow through it."""

    def __init__(self, nodes: int) -> None:
        self.head: list[int] = []
        self.room: list[int] = []
        self.out: list[list[int]] = [[] for _ in range(nodes)]

    def join(self, start: int, end: int, room: int, back: int) -> None:
        self.out[start].append(len(self.head))
        self.out[end].append(len(self.head) + 1)
        self.head += [end, start]
        self.room += [room, back]

    def distances(self, source: int) -> list[int]:
        """Arcs from the source to each node along room that is left, -1 where there is none."""
        found = [-1] * len(self.out)
        found[source] = 0
        waiting = deque([source])
        while waiting:
            node = waiting.popleft()
            for arc in self.out[node]:
                if self.room[arc] > 0 and found[self.head[arc]] < 0:
                    found[self.head[arc]] = found[node] + 1
                    waiting.append(self.head[arc])
        return found

    def push(self, source: int, sink: int, far: list[int]) -> None:
        """Fills every shortest way (Dinic 1970)."""
        tried = [0] * len(self.out)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                least = min(self.room[arc] for arc in path)
                for arc in path:
                    self.room[arc] -= least
                    self.room[arc ^ 1] += least
                first = next(i for i, arc in enumerate(path) if self.room[arc] == 0)
                node = self.head[path[first] ^ 1]
                del path[first:]
                continue
            arcs = self.out[node]
            while tried[node] < len(arcs):
                arc = arcs[tried[node]]
                if self.room[arc] > 0 and far[self.head[arc]] == far[node] + 1:
                    break
                tried[node] += 1
            if tried[node] < len(arcs):
                path.append(arcs[tried[node]])
                node = self.head[path[-1]]
            elif path:
                node = self.head[path.pop() ^ 1]
                tried[node] += 1
            else:
                return


def min_cut(linear: Ints, arcs: Ints, costs: Ints) -> Bools:
    """The set of nodes (m,) of least cost: the sum of linear (m,) over the set, and of costs (a,)
    of arcs (a, 2) from a node in the set to one that is not; of several such sets the smallest.

    costs are at least 0.
    """
    nodes = len(linear)
    source, sink = nodes, nodes + 1
    network = _Network(nodes + 2)
    for node, cost in enumerate(linear.tolist()):
        if cost < 0:
            network.join(source, node, -cost, 0)
        elif cost > 0:
            network.join(node, sink, cost, 0)
    for (start, end), cost in zip(arcs.tolist(), costs.tolist(), strict=True):
        if cost > 0:
            network.join(start, end, cost, 0)
    while True:
        far = network.distances(source)
        if far[sink] < 0:
            return np.array(far[:nodes]) >= 0
        network.push(source, sink, far)


def assign(cost: Ints) -> Ints:
    """The row of each column (m,) with the least sum of cost (m, m), one row each (Kuhn 1955,
    by shortest ways).
    """
    count = len(cost)
    row_price, column_price = np.zeros((2, count + 1), dtype=np.int64)
    row_of = np.full(count + 1, -1)  # the last column is where a new row starts
    for row in range(count):
        least = np.full(count, FAR)
        before = np.full(count, count)
        done = np.zeros(count, dtype=np.bool_)
        row_of[count] = row
        column = count
        while row_of[column] >= 0:
            if column < count:
                done[column] = True
            own = int(row_of[column])
            apart = cost[own] - row_price[own] - column_price[:count]
            better = ~done & (apart < least)
            least[better], before[better] = apart[better], column
            nearest = int(np.argmin(np.where(done, FAR, least)))
            step = least[nearest]
            passed = np.flatnonzero(done)
            row_price[row_of[passed]] += step
            column_price[passed] -= step
            row_price[row] += step
            least[~done] -= step
            column = nearest
        while column != count:
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    return np.asarray(row_of[:count])
