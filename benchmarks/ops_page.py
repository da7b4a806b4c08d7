"""Writes docs/ops: a table of what every op does to every target, a page a kind, a picture an op.

python benchmarks/ops_page.py              texts, and the pictures that are missing or differ
python benchmarks/ops_page.py --check      says what is stale and writes nothing
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from variegate.ops.op import Kind, Op
from variegate.ops.registry import get, names
from variegate.workflow import OpInfo, ops
from variegate.workflow.scene import TARGETS, ladder, strip

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "ops"
PICTURES = FOLDER / "pictures"
COMMAND = "python benchmarks/ops_page.py"
# A picture is stale where more than this share of its values is off by more than 2 levels. Engines
# may differ by a level; JPEG decoders may differ by more, in few pixels.
STALE, NEAR = 0.01, 2
NONE = "-"
WORDS = {"stays": NONE}


def pages() -> dict[Path, str]:
    """Every text by its path."""
    found = {name: ops(name)[0] for name in names()}
    texts = {FOLDER / "README.md": table(found)}
    for kind in Kind:
        own = [info for info in found.values() if info.kind == kind.name.lower()]
        if own:
            texts[page_of(kind)] = page(kind, own)
    return texts


def page_of(kind: Kind) -> Path:
    """The page of a kind."""
    return FOLDER / f"{kind.name.lower()}.md"


def table(found: dict[str, OpInfo]) -> str:
    """The table of targets by ops."""
    lines = [
        "# Ops",
        "",
        f"{len(found)} ops. What happens to each target was found out by running every op at its",
        f"strongest: {', '.join(TARGETS)} move with the image, stay as they are (-), or are",
        "refused by name. Class labels stay, except that mixes make them soft. *Size*: the",
        f"image's. Written by `{COMMAND}`; in a terminal: `variegate ops NAME`.",
        "",
        f"| op | {' | '.join(TARGETS)} | size | magnitude | what it does |",
        f"|---|{'---|' * len(TARGETS)}---|---|---|",
    ]
    for name, info in found.items():
        op = get(name)
        targets = " | ".join(WORDS.get(info.targets[t], info.targets[t]) for t in TARGETS)
        size = "changes" if op.changes_size else NONE
        magnitude = "yes" if op.has_magnitude else NONE
        link = f"[{name}]({op.kind.name.lower()}.md#{name.lower()})"
        lines.append(f"| {link} | {targets} | {size} | {magnitude} | {info.doc} |")
    lines += ["", "## Kinds", ""]
    lines += [
        f"- [{kind.name}]({page_of(kind).name}): {kind.value}."
        for kind in Kind
        if any(get(name).kind is kind for name in found)
    ]
    return "\n".join(lines) + "\n"


def page(kind: Kind, own: list[OpInfo]) -> str:
    """All ops of a kind, each with its picture and its numbers."""
    lines = [f"# {kind.name}", "", f"{kind.value[0].upper()}{kind.value[1:]}.", ""]
    if kind is not Kind.OUTPUT:
        lines += [
            "Each picture shows the original, then three settings, by the reference engine, with a",
            "box, the outline of a mask and five keypoints.",
            "",
        ]
    for info in own:
        lines += section(info)
    return "\n".join(lines).rstrip("\n") + "\n"


def section(info: OpInfo) -> list[str]:
    """One op."""
    op = get(info.name)
    lines = [f"## {info.name}", "", op.doc.split("\n\n")[0].replace("\n", " "), ""]
    if op.kind is not Kind.OUTPUT:
        titles = "original | " + " | ".join(title for title, _, _ in ladder(op))
        lines += [f"![{info.name}](pictures/{info.name}.png)", "", titles, ""]
    lines += [f"`{info.call}`", ""]
    if info.params:
        lines += ["| range | legal | unit | default | magnitude 0 | magnitude 1 |"]
        lines += ["|---|---|---|---|---|---|", *map(_param, info.params), ""]
    lines += [f"- `{s['name']}`: {s['legal']}" for s in info.settings]
    moved = ", ".join(f"{target} {what}" for target, what in info.targets.items())
    lines.append(f"- Targets: {moved}.")
    if info.elsewhere:
        others = "; ".join(f"{library} {', '.join(n)}" for library, n in info.elsewhere.items())
        lines.append(f"- Elsewhere: {others}.")
    return [*lines, f"- Source: {info.source}.", ""]


def _param(param: dict[str, Any]) -> str:
    default = param["default"]
    shown = NONE if default is None else f"{default[0]:g}..{default[1]:g}"
    weak, strong = (_end(param[f"at_magnitude_{m}"]) for m in (0, 1))
    if param["both_sides"] and strong != NONE:
        strong = f"{strong}, or as far to the other side"
    legal = f"{param['low']:g}..{param['high']:g}"
    return f"| `{param['name']}` | {legal} | {param['unit']} | {shown} | {weak} | {strong} |"


def _end(value: float | None) -> str:
    return NONE if value is None else f"{value:.4g}"


def picture(op: Op, engine: str = "reference") -> Image.Image:
    """The op's picture."""
    return strip(op, engine)[0]


def is_stale(kept: Path, drawn: Image.Image) -> bool:
    """Whether a kept picture is missing or differs from the one just drawn."""
    if not kept.exists():
        return True
    with Image.open(kept) as file:
        before, now = np.asarray(file.convert("RGB"), int), np.asarray(drawn, int)
    if before.shape != now.shape:
        return True
    return bool((np.abs(before - now) > NEAR).mean() > STALE)


def drawable() -> list[Op]:
    """The ops that have a picture."""
    return [get(name) for name in names() if get(name).kind is not Kind.OUTPUT]


def stale_pictures(wanted: list[Op], engine: str = "reference") -> dict[Path, Image.Image]:
    """The pictures that must be drawn again."""
    found = {PICTURES / f"{op.name}.png": picture(op, engine) for op in wanted}
    return {path: drawn for path, drawn in found.items() if is_stale(path, drawn)}


def leftovers() -> list[Path]:
    """Pictures and pages of ops and kinds that are no more."""
    known = {f"{op.name}.png" for op in drawable()}
    pages_known = {path.name for path in pages()}
    old = [path for path in PICTURES.glob("*.png") if path.name not in known]
    return old + [path for path in FOLDER.glob("*.md") if path.name not in pages_known]


def main() -> None:
    """Writes what is stale, or says it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if stale")
    check = parser.parse_args().check
    PICTURES.mkdir(parents=True, exist_ok=True)
    texts = {
        path: text
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    drawn, old = stale_pictures(drawable()), leftovers()
    for path in (*texts, *drawn, *old):
        print(path.relative_to(ROOT))
    if check:
        sys.exit(bool(texts or drawn or old))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for path, image in drawn.items():
        image.save(path, optimize=True)
    for path in old:
        path.unlink()


if __name__ == "__main__":
    main()
