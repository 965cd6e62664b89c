"""
GPUs on the page of the machine, and a machine that is not watched, in a real browser.
"""

from __future__ import annotations

import json
import re

from tests.observe.gpus.outputs import OLD

from .browser import BrowserTestCase
from .support import Daemon, simulator, with_rocm_smi

CONFIG = f"""
models:
  alpha:
    cmd: {simulator("--model alpha --load-time 0.1")}
"""


class GpusTests(BrowserTestCase):
    """
    A machine with a GPU, as ``rocm-smi`` tells of it.
    """

    def serve(self) -> Daemon:
        """
        A daemon that finds the program on its path.
        """
        folder = self.folder()
        (folder / "cards").write_text(json.dumps(OLD))
        environment = with_rocm_smi(folder, 'cat "${0%/bin/*}/cards"')
        daemon = Daemon(folder, CONFIG, (), environment)
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        return daemon

    def test_gpus(self) -> None:
        """
        How it is now, over the hour, and what it is.
        """
        page = self.open("/ui/machine")
        now = page.get_by_role("table", name="GPUs now")
        row = now.get_by_role("row").nth(1)
        self.expect(row.get_by_role("rowheader")).to_have_text("0: Radeon RX 7900 XTX")
        for place, text in enumerate(
            ["97 %", "8.4 GiB of 24.0 GiB", "57 °C", "64 °C", "22 %", "101 W"]
        ):
            self.expect(row.get_by_role("cell").nth(place)).to_contain_text(text)
        self.expect(
            row.get_by_role("progressbar", name=re.compile("^Utilization of"))
        ).to_have_attribute("aria-valuenow", "97")
        for name, value in {
            "GPU utilization": "97 %",
            "GPU memory": "8.4 GiB",
            "GPU temperature": "57 °C",
            "GPU power": "101 W",
        }.items():
            chart = page.get_by_role("region", name=name, exact=True)
            self.expect(chart.get_by_role("img")).to_have_attribute(
                "aria-label", re.compile(f"Radeon RX 7900 XTX {value}")
            )
            self.expect(chart.locator("canvas").first).to_be_visible()
        accelerator = (
            page.get_by_role("table", name="Accelerators").get_by_role("row").nth(1)
        )
        for text in ("AMD Radeon RX 7900 XTX", "24.0 GiB", "amdgpu 6.3.6", "303 W"):
            self.expect(accelerator).to_contain_text(text)
        self.expect(page.get_by_role("main")).not_to_contain_text("No accelerator")

    def test_hot(self) -> None:
        """
        A new sample shows by itself.
        """
        page = self.open("/ui/machine")
        row = page.get_by_role("table", name="GPUs now").get_by_role("row").nth(1)
        self.expect(row).to_contain_text("57 °C")
        card = {**OLD["card0"], "Temperature (Sensor junction) (C)": "91.0"}
        cards = self.running.config.parent / "cards"
        # Whole at once: it may be read at this moment.
        new = cards.with_name("new")
        new.write_text(json.dumps({**OLD, "card0": card}))
        new.replace(cards)
        self.expect(row).to_contain_text("91 °C")


class UnwatchedTests(BrowserTestCase):
    """
    A daemon that is told not to look at its machine.
    """

    CONFIG = CONFIG + "performance: {disabled: true}\n"

    def test_disabled(self) -> None:
        """
        That is told, and where to change it; the hardware is shown all the same.
        """
        self.provoked += ["503"]
        page = self.open("/ui/machine")
        main = page.get_by_role("main")
        self.expect(main).to_contain_text("The machine is not watched")
        self.expect(main).to_contain_text("performance.disabled")
        self.expect(page.get_by_role("table", name="Hardware")).to_contain_text("Cores")
