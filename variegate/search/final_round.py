"""The final round as a search runs it: who is due, what is kept, and the choice at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial

from variegate.search.executors import Done
from variegate.search.final import choose, entries, goes_on
from variegate.search.interrupt import whole_write
from variegate.search.methods import METHODS
from variegate.search.records import FINAL, Finalist
from variegate.search.run import Run, Task, drive, order, report

__all__ = ["final_round", "is_short"]


def final_round(run: Run, stop: Callable[[], bool] | None) -> tuple[list[Finalist], str]:
    """The final round, where the schedule has one: every entry from every seed, and the choice."""
    last = run.cost.schedule.final
    if last is None:
        return [], ""
    prior = METHODS[run.cost.method].prior
    group = entries(run.finished, run.controls, last, run.study.user_attrs, run.tie_break, prior)
    budget = last.budget

    def due_now() -> Iterator[Task]:
        # Every entry once, and only then is it known which control goes on.
        places = range(len(group))
        once = any(_open_seeds(run, group, place, True) for place in places)
        for place in places:
            for seed in _open_seeds(run, group, place, once):
                yield Task((place, seed), group[place].policy, budget, seed)

    def keep(done: Done) -> None:
        place = int(done.key[0])  # type: ignore[index]
        if not group[place].reason:
            group[place] = _keep_finalist(run, group[place], done)
            if len(group[place].evaluations) == last.repeats:
                report(run, None, group[place])

    if not drive(run, due_now, keep, stop):
        return group, ""
    return choose(group, prior)


def _open_seeds(run: Run, group: list[Finalist], place: int, once: bool = False) -> list[int]:
    """The seeds that an entry is still to be trained from: all for trials and the best control."""
    entry = group[place]
    have = {e.seed for e in entry.evaluations}
    wanted = run.final_seeds if not once and goes_on(group, entry) else run.final_seeds[:1]
    return [] if entry.reason else [seed for seed in wanted if seed not in have]


def _keep_finalist(run: Run, entry: Finalist, done: Done) -> Finalist:
    if done.error:
        entry = replace(entry, reason=f"{entry.name}: {done.error}")
    else:
        rows = sorted((*entry.evaluations, done.value), key=partial(order, run.final_seeds))
        entry = replace(entry, evaluations=tuple(rows))
    with whole_write(run.store, "saving a finalist"):
        data = {
            "policy": entry.policy.to_dict(),
            "evaluations": [asdict(e) for e in entry.evaluations],
            "reason": entry.reason,
        }
        run.study.set_user_attr(FINAL + entry.name, data)
    return entry


def is_short(run: Run, finalists: list[Finalist]) -> bool:
    """Whether the final round was stopped before its end."""
    return any(_open_seeds(run, finalists, place) for place in range(len(finalists)))
