"""What this installation can do, and the command that adds what is missing."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path
from typing import Any

from variegate.errors import EngineError
from variegate.workflow.common import EXTRAS, INSTALLED_AS, cores, own_version, version_of

SCHEMA = "variegate.doctor/1"
CORE = ("numpy", "pillow", "typer", "rich", "jinja2")
_LITTLE_DISK = 1 << 30


@dataclass(frozen=True)
class Check:
    """One line: state is "ok", "missing" (an option) or "broken"; `step` is what to do about it."""

    name: str
    state: str
    value: str
    step: str = ""


@dataclass(frozen=True)
class Doctor:
    """All checks. `usable`: policies can run; `missing` names the extras to install."""

    checks: tuple[Check, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing is broken; missing options do not count."""
        return all(check.state != "broken" for check in self.checks)

    @property
    def missing(self) -> tuple[str, ...]:
        """The extras that are not there in full."""
        return tuple(c.name for c in self.checks if c.state == "missing" and c.name in EXTRAS)

    def to_dict(self) -> dict[str, Any]:
        """The checks as JSON values."""
        return {
            "schema": SCHEMA,
            "usable": self.usable,
            "missing": list(self.missing),
            "checks": [asdict(check) for check in self.checks],
        }


def doctor(folder: str | Path = ".") -> Doctor:
    """Look at versions, the engine, cores, optional packages and the free disk of `folder`."""
    return Doctor(
        (
            Check("variegate", "ok", own_version()),
            Check("python", "ok", f"{platform.python_version()} on {platform.system()}"),
            *_core(),
            _engine(),
            Check("cores", "ok", str(cores())),
            *_extras(),
            _arithmetic(),
            _disk(Path(folder)),
        )
    )


def _core() -> Iterator[Check]:
    for name in CORE:
        version = version_of(name)
        if version is None:
            yield Check(name, "broken", "not installed", f"pip install {name}")
        else:
            yield Check(name, "ok", version)


def _engine() -> Check:
    from variegate.engine.choose import choose

    try:
        choose("native")
    except (EngineError, ImportError):
        step = (
            "works, but slower. For the native engine: install a C++ compiler, then install "
            "variegate again with VARIEGATE_REQUIRE_NATIVE=1"
        )
        return Check("engine", "missing", "reference (the native engine is not built)", step)
    import variegate.engine._native as native

    return Check("engine", "ok", f"native ({native.target()}, of {', '.join(native.targets())})")


def _extras() -> Iterator[Check]:
    for extra, modules in EXTRAS.items():
        found = {m: version_of(INSTALLED_AS.get(m, m)) for m in modules if util.find_spec(m)}
        absent = [INSTALLED_AS.get(m, m) for m in modules if m not in found]
        have = ", ".join(f"{INSTALLED_AS.get(m, m)} {v or ''}".strip() for m, v in found.items())
        if absent:
            value = f"without {', '.join(absent)}" + (f"; has {have}" if have else "")
            yield Check(extra, "missing", value, f"pip install 'variegate[{extra}]'")
        else:
            yield Check(extra, "ok", have)


def _arithmetic() -> Check:
    """The device and the number format that a training takes here."""
    if util.find_spec("torch") is None:
        return Check("training", "missing", "no torch", "pip install 'variegate[train]'")
    try:
        from variegate.train import TrainSettings
        from variegate.train.settings import resolve_device, resolve_precision

        settings = TrainSettings()
        device = resolve_device(settings)
        return Check("training", "ok", f"{resolve_precision(settings, device)} on {device.type}")
    except (ImportError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        return Check("training", "missing", f"torch cannot be loaded: {reason}", "reinstall torch")


def _disk(folder: Path) -> Check:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("disk", "broken", f"{folder}: {error.strerror}", "name a folder that exists")
    value = f"{free / 1e9:.1f} GB free in {folder}"
    if free < _LITTLE_DISK:
        return Check("disk", "missing", value, "free a gigabyte for stores and reports")
    return Check("disk", "ok", value)
