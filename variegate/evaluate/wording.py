"""The words of a summary: numbers with intervals, headline, honest limits, terminal lines."""

from __future__ import annotations

from variegate.evaluate.schema import ArmRow, ClassTable, Column, DifferenceRow, Summary

MINUS = "\u2212"
_FEW_SEEDS = 10
_ALWAYS = (
    (
        "The interval beside each arm covers training noise (seeds) only; the intervals of "
        "differences also cover the finite test set."
    ),
    (
        "All runs share one training set and one split. How much another sample of training "
        "images would change the result is not measured."
    ),
    (
        "A policy found by search is one outcome of one search; another search may find another. "
        "Classes named here were picked because they stood out: the shrunk values and fresh seeds "
        "are nearer to the truth. Fresh seeds meet the same test images."
    ),
    "'Not proven' does not mean 'equal'.",
)


def percent(share: float) -> str:
    """Give 0.8123 as '81.2 %'."""
    return f"{100 * share:.1f} %"


def permille(share: float) -> str:
    """Give 0.0043 as '4.3'."""
    return f"{1000 * share:.1f}"


def points(share: float) -> str:
    """Give -0.031 as a signed number of percentage points; a rounded zero has no sign."""
    text = f"{abs(100 * share):.1f}"
    if float(text) == 0:
        return text
    return ("+" if share > 0 else MINUS) + text


def interval(pair: list[float]) -> str:
    """Give the interval of a difference in points."""
    return f"[{points(pair[0])}, {points(pair[1])}]"


def share_interval(pair: list[float]) -> str:
    """Give the interval of an accuracy in percent."""
    return f"[{100 * pair[0]:.1f}, {100 * pair[1]:.1f}]"


def p_value(p: float | None) -> str:
    """Give a p value, never as zero."""
    if p is None:
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Give seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def listed(names: list[str], most: int = 3) -> str:
    """Give names in quotes, the first few of them."""
    text = ", ".join(f"\u201c{name}\u201d" for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")


def headline(result: Summary) -> str:
    """Say in one sentence what is shown about the found arm and the classes it harms."""
    arm = next((row for row in result["arms"] if row["arm"] == result["found"]), None)
    if arm is None or not arm["differences"]:
        only = result["arms"][0]
        return (
            f"{only['arm']} reaches {percent(only['mean'])} {share_interval(only['interval'])} on "
            f"{result['dataset']}; there is no second arm to compare it with."
        )
    parts = [_said(row) for row in arm["differences"]]
    text = f"On {result['dataset']}, {arm['arm']} {' and '.join(parts)}"
    return f"{text}; {_harm(result['class_tables'][0])}."


def _said(row: DifferenceRow) -> str:
    seeds = f"{row['seeds']} seed" + ("" if row["seeds"] == 1 else "s")
    numbers = f"{points(row['value'])} points {interval(row['interval'])}, {seeds}"
    if row["verdict"] == "not proven":
        return f"is not proven to differ from {row['against']} ({numbers})"
    return f"is {row['verdict']} than {row['against']} ({numbers})"


def _harm(table: ClassTable) -> str:
    if table["harmed"]:
        count = len(table["harmed"])
        noun = "class is" if count == 1 else "classes are"
        return f"{count} {noun} harmed against {table['baseline']}: {listed(table['harmed'])}"
    return f"no class is proven harmed against {table['baseline']}"


def limits(result: Summary) -> list[str]:
    """List what these numbers cannot say."""
    fewest = min(len(row["seeds"]) for row in result["arms"])
    lines: list[str] = []
    if fewest == 1:
        lines.append(
            "At least one arm has a single seed. Nothing can be said about training noise, so "
            "every difference with it is not proven. Its interval covers the test images only."
        )
    elif fewest < _FEW_SEEDS:
        lines.append(
            f"{fewest} seeds per arm are few for single classes; 10 or more are advised before "
            "acting on a class."
        )
    if len({len(row["seeds"]) for row in result["arms"]}) > 1:
        lines.append("The arms have different numbers of seeds; only seeds in common are compared.")
    if result["missing"]:
        lines.append(f"No runs yet for {listed(result['missing'], 10)}.")
    for table in result["class_tables"]:
        lines += _class_limits(table)
    return lines + list(_ALWAYS)


def _class_limits(table: ClassTable) -> list[str]:
    if table["visible"] is None:
        return [f"{table['arm']} and {table['baseline']} share no seed, so no class is compared."]
    size = f"{100 * table['visible']:.1f} points"
    lines = [
        f"A change of a class against {table['baseline']} below about {size} cannot be seen here."
    ]
    empty = [row["name"] for row in table["rows"] if row["images"] == 0]
    if empty:
        lines.append(f"No test image of {listed(empty, 10)}.")
    return lines


def text_lines(result: Summary) -> list[str]:
    """Give the summary as plain lines for a terminal."""
    sizes = f"{result['images']} test images, {len(result['classes'])} classes"
    lines = [f"{result['dataset']}: {sizes}; 95 % intervals"]
    lines += [_arm_line(row) for row in result["arms"]]
    lines += [line for row in result["arms"] for line in _column_lines(row)]
    for row in result["arms"]:
        if row["arm"] != result["found"]:
            continue
        lines += [f"{row['arm']} {MINUS} {_difference_line(each)}" for each in row["differences"]]
    for table in result["class_tables"]:
        lines += [_class_line(table), *(f"  {line}" for line in table["findings"])]
    return [*lines, result["headline"]]


def _arm_line(row: ArmRow) -> str:
    seeds = "1 seed, images only" if len(row["seeds"]) == 1 else f"{len(row['seeds'])} seeds"
    return f"{row['arm']}  {percent(row['mean'])} {share_interval(row['interval'])}  {seeds}"


def column_text(column: Column) -> str:
    """Give a column in points, with its interval over seeds where there is one."""
    number, pair = column["value"], column["interval"]
    shown = "one seed" if pair is None else f"[{100 * pair[0]:.1f}, {100 * pair[1]:.1f}]"
    return f"{100 * number:.1f} {shown}"


def _column_lines(row: ArmRow) -> list[str]:
    """What is measured beside the accuracy, on one line; nothing where nothing is."""
    parts = [f"{name} {column_text(column)}" for name, column in row["groups"].items()]
    own = row["columns"]
    if own["calibration"] is not None:
        parts.append(f"calibration error {column_text(own['calibration'])}")
    if own["corrupted"] is not None:
        count = len(own["corruptions"])
        parts.append(f"on {count} corruptions {column_text(own['corrupted'])}")
    return [f"  {row['arm']}, %: {'; '.join(parts)}"] if parts else []


def _difference_line(row: DifferenceRow) -> str:
    text = f"{row['against']}: {points(row['value'])} {interval(row['interval'])} {row['verdict']}"
    if row["note"] and row["corrected"] is None:
        return f"{text} ({row['note']})"
    return f"{text} (Holm p {p_value(row['corrected'])})"


def _class_line(table: ClassTable) -> str:
    unclear = len(table["rows"]) - len(table["harmed"]) - len(table["improved"])
    text = (
        f"{len(table['rows'])} classes against {table['baseline']}: {len(table['improved'])} "
        f"better, {len(table['harmed'])} worse, {unclear} not proven"
    )
    return text + (f"; harmed: {listed(table['harmed'])}" if table["harmed"] else "")
