"""
What the machine is: a real one, a virtual one, or a container on one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

#: What the maker and the product of a virtual machine are called, in lower case, and
#: what makes it, the more special before the more general.
_VIRTUAL = (
    ("innotek", "virtualbox"),
    ("virtualbox", "virtualbox"),
    ("vmware", "vmware"),
    ("microsoft corporation virtual machine", "hyper-v"),
    ("parallels", "parallels"),
    ("apple virtualization", "apple"),
    ("bhyve", "bhyve"),
    ("google compute engine", "gce"),
    ("openstack", "openstack"),
    ("amazon ec2", "ec2"),
    ("xen", "xen"),
    ("kvm", "kvm"),
    ("qemu", "qemu"),
)

#: What the control groups of a container's first process are called.
_GROUPS = (
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("containerd", "containerd"),
)

_WSL = re.compile(r"microsoft", re.IGNORECASE)
_ENGINE = re.compile(r'engine="([a-z]+)-([^"]+)"')


def find_environment(root: Path) -> dict[str, Any]:
    """
    :param root: what has ``proc``, ``sys`` and ``run`` in it.
    :returns: ``kind`` (``container``, ``wsl``, ``virtual_machine`` or
        ``bare_metal``), ``name`` and ``version``; `None` for what cannot be found.
    """
    container = _container(root)
    if container is not None:
        name, version = container
        return _told("container", name, version)
    kernel = _text(root / "proc/sys/kernel/osrelease")
    if _WSL.search(kernel):
        # The first one's kernel is no Linux, and ends in "-Microsoft".
        return _told("wsl", "WSL", "1" if kernel.endswith("-Microsoft") else "2")
    product = _product(root)
    processors = _text(root / "proc/cpuinfo")
    maker = next((name for part, name in _VIRTUAL if part in product), None)
    if maker == "ec2" and ".metal" in product:
        return _told("bare_metal")
    if maker is not None:
        return _told("virtual_machine", maker)
    if re.search(r"^flags\s*:.*\bhypervisor\b", processors, re.MULTILINE):
        return _told("virtual_machine")
    return _told("bare_metal" if product else None)


def _container(root: Path) -> tuple[str | None, str | None] | None:
    """
    What made the container that this is, and its version; `None` if it is none.
    """
    podman = root / "run/.containerenv"
    if podman.exists():
        engine = _ENGINE.search(_text(podman))
        return ("podman", None) if engine is None else (engine[1], engine[2])
    groups = _text(root / "proc/1/cgroup")
    if (root / "run/secrets/kubernetes.io").exists():
        return "kubernetes", None
    if (root / ".dockerenv").exists():
        return "docker", None
    by_systemd = _text(root / "run/systemd/container")
    if by_systemd:
        return by_systemd, None
    for part, name in _GROUPS:
        if part in groups:
            return name, None
    return None


def _product(root: Path) -> str:
    """
    What the machine's makers call it, in lower case.
    """
    names = [
        _text(root / "sys/class/dmi/id" / name)
        for name in ("sys_vendor", "product_name")
    ]
    if not any(names):
        # Machines of ARM's kind have no such table.
        names = [_text(root / "proc/device-tree/model").strip("\0")]
    if _text(root / "sys/hypervisor/type"):
        names.append("xen")
    return " ".join(name for name in names if name).lower()


def _told(
    kind: str | None, name: str | None = None, version: str | None = None
) -> dict[str, Any]:
    return {"kind": kind, "name": name, "version": version}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
