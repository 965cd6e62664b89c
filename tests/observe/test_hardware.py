"""
Tests for `llamaswap_tw.observe.hardware` and `llamaswap_tw.observe.environment`.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import psutil
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import __version__
from llamaswap_tw.observe.environment import find_environment
from llamaswap_tw.observe.hardware import read_hardware

XEON = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6430
physical id\t: 0
flags\t\t: fpu vme sse2

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6430
physical id\t: 1
flags\t\t: fpu vme sse2
"""

PI = """\
processor\t: 0
CPU implementer\t: 0x41
CPU part\t: 0xd0b

Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""

NOTHING = {"kind": None, "name": None, "version": None}


class TreeTestCase(SynchronousTestCase):
    """
    A tree of files like that of a machine.
    """

    def tree(self, files: Mapping[str, str]) -> Path:
        root = Path(self.mktemp())
        root.mkdir()
        for place, text in files.items():
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root


class HardwareTests(TreeTestCase):
    """
    What machine it is.
    """

    def test_whole(self) -> None:
        """
        It has every field, those of this machine as this machine tells them.
        """
        root = self.tree(
            {
                "proc/cpuinfo": XEON,
                "etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n# x\n',
                "sys/class/dmi/id/sys_vendor": "Supermicro\n",
            }
        )
        with mock.patch.object(platform, "machine", return_value="aarch64"):
            found = read_hardware(1_700_000_000.0, root)
        self.assertEqual(
            found,
            {
                "schema_version": 1,
                "captured_at": "2023-11-14T22:13:20.000Z",
                "capture": {
                    "scope": "inference_host",
                    "method": "detected",
                    "detector": {"name": "llamaswap-tw", "version": __version__},
                },
                "architecture": {"name": "arm64", "raw_name": "aarch64"},
                "operating_system": {
                    "family": "linux",
                    "name": "Debian GNU/Linux",
                    "version": "12",
                    "kernel": platform.release(),
                },
                "environment": {"kind": "bare_metal", "name": None, "version": None},
                "cpu": {
                    "vendor": "GenuineIntel",
                    "model": "Intel(R) Xeon(R) Gold 6430",
                    "socket_count": 2,
                    "physical_core_count": psutil.cpu_count(logical=False),
                    "logical_thread_count": psutil.cpu_count(),
                },
                "memory": {"capacity_bytes": psutil.virtual_memory().total},
            },
        )

    def test_arm(self) -> None:
        """
        Processors of ARM's kind have other names for it.
        """
        package = "sys/devices/system/cpu/cpu0/topology/physical_package_id"
        root = self.tree({"proc/cpuinfo": PI, package: "0\n"})
        cpu = read_hardware(0.0, root)["cpu"]
        self.assertEqual(cpu["vendor"], "ARM")
        self.assertEqual(cpu["model"], "Raspberry Pi 5 Model B Rev 1.0")
        self.assertEqual(cpu["socket_count"], 1)

    def test_nothing(self) -> None:
        """
        What cannot be found is null.
        """
        found = read_hardware(0.0, self.tree({}))
        self.assertEqual(found["environment"], NOTHING)
        self.assertIsNone(found["operating_system"]["name"])
        for field in ("vendor", "model", "socket_count"):
            self.assertIsNone(found["cpu"][field])

    def test_mac(self) -> None:
        """
        macOS is asked in its own way.
        """
        answers = {"machdep.cpu.brand_string": b"Apple M3 Max\n", "hw.packages": b"1\n"}
        with (
            mock.patch("llamaswap_tw.observe.hardware.sys.platform", "darwin"),
            mock.patch(
                "llamaswap_tw.observe.hardware.run_bounded",
                lambda command, limit: answers.get(command[-1], b""),
            ),
        ):
            found = read_hardware(0.0, self.tree({}))
        self.assertEqual(found["operating_system"]["name"], "macOS")
        self.assertEqual(found["cpu"]["vendor"], "Apple")
        self.assertEqual(found["cpu"]["model"], "Apple M3 Max")
        self.assertEqual(found["cpu"]["socket_count"], 1)

    def test_this(self) -> None:
        """
        This very machine can be described.
        """
        found = read_hardware(0.0)
        self.assertTrue(found["architecture"]["name"])
        self.assertTrue(found["memory"]["capacity_bytes"])


class EnvironmentTests(TreeTestCase):
    """
    A machine, a virtual one, or a container.
    """

    def test_kinds(self) -> None:
        """
        Each is known by what it has.
        """
        vendor, product = "sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_name"
        kernel = "proc/sys/kernel/osrelease"
        cases: list[tuple[dict[str, str], tuple[str | None, ...]]] = [
            ({".dockerenv": ""}, ("container", "docker", None)),
            (
                {"run/.containerenv": 'engine="podman-4.9.3"\nname="x"\n'},
                ("container", "podman", "4.9.3"),
            ),
            ({"run/.containerenv": ""}, ("container", "podman", None)),
            (
                {"run/secrets/kubernetes.io/x": "", ".dockerenv": ""},
                ("container", "kubernetes", None),
            ),
            ({"run/systemd/container": "lxc\n"}, ("container", "lxc", None)),
            (
                {"proc/1/cgroup": "0::/kubepods/pod1\n"},
                ("container", "kubernetes", None),
            ),
            (
                {kernel: "5.15.153.1-microsoft-standard-WSL2\n"},
                ("wsl", "WSL", "2"),
            ),
            ({kernel: "4.4.0-19041-Microsoft\n"}, ("wsl", "WSL", "1")),
            ({vendor: "QEMU\n"}, ("virtual_machine", "qemu", None)),
            ({vendor: "VMware, Inc.\n"}, ("virtual_machine", "vmware", None)),
            ({vendor: "innotek GmbH"}, ("virtual_machine", "virtualbox", None)),
            (
                {vendor: "Microsoft Corporation", product: "Virtual Machine"},
                ("virtual_machine", "hyper-v", None),
            ),
            (
                {vendor: "Microsoft Corporation", product: "Surface Book"},
                ("bare_metal", None, None),
            ),
            ({vendor: "Amazon EC2", product: "p5"}, ("virtual_machine", "ec2", None)),
            ({vendor: "Amazon EC2", product: "g4dn.metal"}, ("bare_metal", None, None)),
            ({"sys/hypervisor/type": "xen"}, ("virtual_machine", "xen", None)),
            (
                {"proc/cpuinfo": "flags\t: fpu hypervisor lahf\n"},
                ("virtual_machine", None, None),
            ),
            ({"proc/device-tree/model": "A board\0"}, ("bare_metal", None, None)),
            ({"proc/1/cgroup": "0::/init.scope\n"}, (None, None, None)),
        ]
        for files, expected in cases:
            found = find_environment(self.tree(files))
            self.assertEqual(tuple(found.values()), expected, files)
