"""The line that says on which machine something was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> dict[str, str | int]:
    """Processor, the cores this process may use, memory in GiB, system and Python."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def processor() -> str:
    """The processor's name, with the vector instructions that matter here."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    clean = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(clean.get("flags", "").split())
    known = {"avx2": "AVX2", "avx512bw": "AVX-512", "avx512_vbmi": "VBMI"}
    extra = [name for flag, name in known.items() if flag in flags]
    name = clean.get("model name", platform.processor() or "unknown")
    return f"{name} ({', '.join(extra)})" if extra else name


def _cores() -> int:
    return os.cpu_count() or 1


def _memory() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError):
        return 0
