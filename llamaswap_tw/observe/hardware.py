"""
What machine this is.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from .environment import find_environment
from .gpus.bounded import run_bounded
from .moments import instant

#: What processors of ARM's kind call their makers.
_IMPLEMENTERS = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x51: "Qualcomm",
    0x53: "Samsung",
    0x61: "Apple",
    0x6D: "Microsoft",
    0xC0: "Ampere",
}

#: An architecture by what systems call it.
_ARCHITECTURES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "aarch64": "arm64",
    "i386": "x86",
    "i686": "x86",
}


def read_hardware(at: float, root: Path = Path("/")) -> dict[str, Any]:
    """
    Find out what machine this is, but for its accelerators.  Reads files, and runs
    programs for some seconds at most: call it in a thread.

    :param at: when, in seconds since the epoch.
    :param root: what has ``proc``, ``sys``, ``etc`` and ``run`` in it.
    :returns: as ``/api/hardware`` shows it; `None` for what cannot be found.
    """
    machine = platform.machine() or None
    lowered = (machine or "").lower()
    return {
        "schema_version": 1,
        "captured_at": instant(at),
        "capture": {
            "scope": "inference_host",
            "method": "detected",
            "detector": {"name": "llamaswap-tw", "version": __version__},
        },
        "architecture": {
            "name": _ARCHITECTURES.get(lowered, lowered) or None,
            "raw_name": machine,
        },
        "operating_system": _operating_system(root),
        "environment": find_environment(root),
        "cpu": _cpu(root),
        "memory": {"capacity_bytes": _memory()},
    }


def _operating_system(root: Path) -> dict[str, Any]:
    found = {
        "family": platform.system().lower() or None,
        "name": None,
        "version": None,
        "kernel": platform.release() or None,
    }
    if sys.platform == "darwin":
        return {**found, "name": "macOS", "version": platform.mac_ver()[0] or None}
    for place in ("etc/os-release", "usr/lib/os-release"):
        release = _assignments(_text(root / place) or "")
        if release:
            found["name"] = release.get("NAME") or release.get("ID")
            found["version"] = release.get("VERSION_ID")
            break
    return found


def _assignments(text: str) -> dict[str, str]:
    """
    What a file for the shell sets.
    """
    lines = (line.partition("=") for line in text.splitlines())
    return {
        name.strip(): value.strip().strip("\"'")
        for name, is_one, value in lines
        if is_one
    }


def _cpu(root: Path) -> dict[str, Any]:
    import psutil

    found = {
        "vendor": None,
        "model": None,
        "socket_count": None,
        "physical_core_count": psutil.cpu_count(logical=False),
        "logical_thread_count": psutil.cpu_count(),
    }
    if sys.platform == "darwin":
        return {**found, **_cpu_by_sysctl()}
    return {**found, **_cpu_by_proc(root)}


def _cpu_by_proc(root: Path) -> dict[str, Any]:
    first: dict[str, str] = {}
    sockets: set[str | None] = set()
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        name, is_one, value = line.partition(":")
        if is_one:
            first.setdefault(name.strip(), value.strip())
            if name.strip() == "physical id":
                sockets.add(value.strip())
    if not sockets:
        packages = (root / "sys/devices/system/cpu").glob(
            "cpu[0-9]*/topology/physical_package_id"
        )
        # Where it is not known, that is -1.
        told = {_text(path) for path in packages}
        sockets = {number for number in told if number not in (None, "-1")}
    return {
        "vendor": first.get("vendor_id") or _implementer(first),
        "model": first.get("model name")
        or first.get("Model")
        or first.get("cpu")
        or _device_tree(root),
        "socket_count": len(sockets) or None,
    }


def _implementer(fields: Mapping[str, str]) -> str | None:
    try:
        return _IMPLEMENTERS.get(int(fields["CPU implementer"], 16))
    except (KeyError, ValueError):
        return None


def _device_tree(root: Path) -> str | None:
    return (_text(root / "proc/device-tree/model") or "").strip("\0") or None


def _cpu_by_sysctl() -> dict[str, Any]:
    brand = _sysctl("machdep.cpu.brand_string")
    packages = _sysctl("hw.packages")
    vendor = _sysctl("machdep.cpu.vendor")
    if vendor is None and brand is not None and brand.startswith("Apple"):
        vendor = "Apple"
    return {
        "vendor": vendor,
        "model": brand,
        "socket_count": int(packages) if packages and packages.isdecimal() else None,
    }


def _sysctl(name: str) -> str | None:
    try:
        output = run_bounded(["/usr/sbin/sysctl", "-n", name], 2.0)
    except (OSError, subprocess.SubprocessError):
        return None
    return output.decode("utf-8", "replace").strip() or None


def _memory() -> int | None:
    import psutil

    return int(psutil.virtual_memory().total) or None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None
