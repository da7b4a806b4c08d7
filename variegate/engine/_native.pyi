from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

def version() -> str: ...
def target() -> str: ...
def targets() -> list[str]: ...
def use_target(name: str, /) -> None: ...
def prepare(
    start: Array,
    verb: Array,
    row: Array,
    tables: object,
    normal: Array,
    output: tuple[Array, Array, bool] | None,
    whole: bool,
) -> object: ...
def run_stage(
    prepared: object,
    first: int,
    images: list[Array] | Array,
    results: list[Array] | Array,
    threads: int,
) -> None: ...
def run_masks(
    start: Array,
    verb: Array,
    row: Array,
    tables: object,
    masks: list[Array] | Array,
    results: list[Array] | Array,
    threads: int,
    /,
) -> None: ...
def run_mixes(
    mixes: list[tuple[Any, ...]],
    images: list[Array] | Array,
    results: list[Array] | Array,
    threads: int,
    /,
) -> tuple[float, float] | None: ...
def run_output(
    images: Array,
    scale: Array,
    offset: Array,
    channels_first: bool,
    result: Array,
    threads: int,
    /,
) -> None: ...
def round_levels(values: Array, result: Array, threads: int, /) -> bool: ...
def extent(values: Array, threads: int, /) -> tuple[float, float]: ...
