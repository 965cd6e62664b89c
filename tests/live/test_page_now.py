"""
The pages of what runs and what waits, and of one model, in a real browser.
"""

from __future__ import annotations

import re

from .browser import BrowserTestCase, gated, parrot
from .support import simulator, wait_for

CONFIG = f"""
captureBuffer: 5
matrix:
  vars: {{a: alpha, b: beta, s: slow, p: parrot, f: broken}}
  sets: {{first: a & p & f, second: b & p & f, third: s & p & f}}
models:
  alpha:
    name: The first
    cmd: {simulator("--model alpha --load-time 0.1 --tokens-per-second 5")}
    ttl: 300
    aliases: [first]
    env: ["API_TOKEN=hush-hush", "COLOUR=green"]
    filters: {{strip_params: "temperature, top_k"}}
    capabilities: {{in: [text, image], tools: true}}
    metadata: {{size: 7B}}
  beta:
    cmd: {simulator("--model beta --load-time 0.1")}
  slow:
    cmd: {gated("slow")}
  parrot:
    {parrot()}
  broken:
    cmd: {simulator("--load-time 0.1 --fail-start no-memory-left --log-lines 20")}
"""


class NowTestCase(BrowserTestCase):
    """
    A daemon with models that make way for each other.
    """

    CONFIG = CONFIG

    def asked(self, model: str) -> int:
        """
        How often it was asked so far.
        """
        path = f"/api/metrics/activity?limit=1&model={model}"
        total: int = self.running.ask("GET", path).json["total"]
        return total


class NowTests(NowTestCase):
    """
    Home.
    """

    def test_load_and_unload(self) -> None:
        """
        A model is loaded and unloaded by its buttons, and the row says how it stands.
        """
        page = self.open()
        row = self.model_row("alpha")
        self.expect(row).to_contain_text("Stopped")
        self.expect(row).to_contain_text("The first")
        row.get_by_role("button", name="Load alpha", exact=True).click()
        self.expect(row).to_contain_text("Ready")
        self.expect(page.get_by_role("main")).to_contain_text("1 of 5 models running")
        # It goes after its TTL, and takes memory until then.
        self.expect(row.get_by_role("cell").nth(5)).to_contain_text(
            re.compile(r"min|s")
        )
        self.expect(row.get_by_role("cell").nth(6)).to_contain_text("MiB")
        self.assertEqual(self.running.running(), {"alpha": "ready"})
        row.get_by_role("button", name="Unload alpha").click()
        self.expect(row).to_contain_text("Stopped")
        self.assertEqual(self.running.running(), {})

    def test_unload_all(self) -> None:
        """
        One button unloads all that runs.
        """
        self.running.chat("alpha", max_tokens=1)
        self.running.chat("parrot")
        page = self.open()
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        self.expect(self.model_row("parrot")).to_contain_text("Ready")
        page.get_by_role("button", name="Unload all").click()
        self.expect(self.model_row("alpha")).to_contain_text("Stopped")
        self.expect(self.model_row("parrot")).to_contain_text("Stopped")
        self.expect(page.get_by_role("button", name="Unload all")).to_be_disabled()

    def test_loading(self) -> None:
        """
        A model that loads shows for how long it does, and how long it took before; a
        load can be broken off.
        """
        # Whoever asked for it is told that it was.
        self.provoked += ["503"]
        self.hold_loads("slow")
        page = self.open()
        row = self.model_row("slow")
        bar = row.get_by_role("progressbar", name="Loading slow")
        row.get_by_role("button", name="Load slow", exact=True).click()
        self.expect(row).to_contain_text("Loading")
        self.expect(bar).to_have_attribute("aria-valuetext", re.compile("s gone"))
        self.let_load("slow")
        self.expect(row).to_contain_text("Ready")
        self.expect(bar).to_have_count(0)
        self.hold_loads("slow")
        row.get_by_role("button", name="Unload slow").click()
        row.get_by_role("button", name="Load slow", exact=True).click()
        self.expect(bar).to_have_attribute(
            "aria-valuetext", re.compile(r"s gone, usually \d")
        )
        self.expect(bar).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
        row.get_by_role("button", name="Unload slow").click()
        # It goes by itself: it is looked for first.
        self.expect(page.get_by_role("region", name="Messages")).to_contain_text("slow")
        self.expect(row).to_contain_text("Stopped")

    def test_failure(self) -> None:
        """
        A model that fails shows why, its last lines, and when it may be tried again.
        """
        self.provoked += ["502"]
        page = self.open()
        row = self.model_row("broken")
        row.get_by_role("button", name="Load broken", exact=True).click()
        self.expect(row).to_contain_text("Failed")
        why = page.get_by_role("group", name="Why broken failed")
        self.expect(why).to_contain_text("exited with status 1")
        lines = why.get_by_role("region", name="Last lines of broken")
        self.expect(lines).to_contain_text("no-memory-left")
        self.expect(why).to_contain_text(re.compile("tries again|try again"))
        self.expect(lines).not_to_contain_text("loading model")
        why.get_by_role("button", name=re.compile(r"All \d+ last lines")).click()
        self.expect(lines).to_contain_text("loading model")
        why.get_by_role("button", name="Fewer lines").click()
        self.expect(lines).not_to_contain_text("loading model")
        why.get_by_role("link", name="Its log").click()
        self.expect(self.heading("Logs")).to_be_visible()
        self.expect(page.get_by_role("log")).to_contain_text("no-memory-left")

    def test_search(self) -> None:
        """
        Models are found by their names, those that are active alone, and the link says
        so.
        """
        page = self.open()
        page.get_by_label("Search models").fill("alp")
        self.expect(self.model_row("alpha")).to_be_visible()
        self.expect(self.model_row("beta")).to_have_count(0)
        self.expect(page).to_have_url(re.compile(r"q=alp"))
        page.get_by_label("Active only").check()
        self.expect(page.get_by_role("main")).to_contain_text("No such model is active")
        page.reload()
        self.expect(page.get_by_label("Search models")).to_have_value("alp")
        self.expect(page.get_by_label("Active only")).to_be_checked()
        page.get_by_label("Search models").fill("")
        self.running.chat("parrot")
        self.expect(self.model_row("parrot")).to_be_visible()
        self.expect(self.model_row("alpha")).to_have_count(0)

    def test_queue(self) -> None:
        """
        Who waits is told: for which model, behind what; and need not wait any longer.
        """
        page = self.open()
        queue = page.get_by_role("region", name="Queue").get_by_role("table")
        self.expect(page.get_by_role("main")).to_contain_text("Nobody waits")
        # The other model's answer takes longer than anybody here waits.
        self.ask_behind("alpha", max_tokens=2000)
        self.expect(self.model_row("alpha").get_by_role("cell").nth(1)).to_have_text(
            "1"
        )
        self.ask_behind("beta")
        row = queue.get_by_role("row").nth(1)
        self.expect(row).to_contain_text("beta")
        self.expect(row).to_contain_text("behind alpha")
        self.expect(row).to_contain_text("127.0.0.1 /v1/chat/completions")
        self.expect(self.model_row("beta").get_by_role("cell").nth(2)).to_contain_text(
            "1"
        )
        row.get_by_role("button", name=re.compile("^Cancel")).click()
        self.expect(page.get_by_role("main")).to_contain_text("Nobody waits")

    def test_own_page(self) -> None:
        """
        A model's own web page opens in another tab.
        """
        page = self.open()
        with page.context.expect_page() as opened:
            self.model_row("parrot").get_by_role(
                "link", name="Open the web page of parrot"
            ).click()
        self.expect(opened.value).to_have_title("The parrot's own page")
        self.expect(self.model_row("parrot")).to_contain_text("Ready")

    def test_timeline(self) -> None:
        """
        The last hour shows a lane for each model that was loaded, a swap as one, and
        what keys go to is told; the sums count it.
        """
        self.running.chat("alpha", max_tokens=1)
        self.running.chat("beta")
        page = self.open()
        hour = page.get_by_role("region", name="The last hour")
        lanes = hour.get_by_role("list", name="Models of the timeline")
        self.expect(lanes.get_by_role("link", name="alpha")).to_be_visible()
        self.expect(lanes.get_by_role("link", name="beta")).to_be_visible()
        plot = hour.get_by_role("group", name=re.compile("^Timeline: "))
        self.expect(plot).to_have_attribute(
            "aria-label", re.compile(r"\d+ swaps? among")
        )
        plot.focus()
        page.keyboard.press("ArrowRight")
        told = hour.get_by_role("status")
        self.expect(told).to_contain_text(re.compile(r"^\w+: \w+"))
        page.keyboard.press("Escape")
        self.expect(told).to_have_text("")
        sums = hour.get_by_label("Sums of the last hour")
        self.expect(sums).to_contain_text(re.compile(r"Requests\s*[1-9]"))
        self.expect(sums).to_contain_text(re.compile(r"Swaps\s*[1-9]"))
        self.expect(sums).to_contain_text(re.compile(r"Prompt tokens\s*[1-9]"))
        self.expect(sums).to_contain_text(re.compile(r"Generated tokens\s*[1-9]"))
        hour.get_by_text("As a table").click()
        table = hour.get_by_role("region", name="The last hour as a table")
        self.expect(table).to_contain_text("In place of alpha")
        hour.get_by_label("Show").select_option("15 minutes")
        self.expect(page).to_have_url(re.compile("span=15"))
        self.expect(lanes.get_by_role("link", name="beta")).to_be_visible()

    def test_speed(self) -> None:
        """
        What was answered shows at once: tokens a second, and the time to the first.
        """
        self.running.chat("alpha", max_tokens=1)
        page = self.open()
        cells = self.model_row("alpha").get_by_role("cell")
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        self.running.chat("alpha", max_tokens=3)
        self.expect(cells.nth(3)).to_contain_text(re.compile(r"\d"))
        self.expect(cells.nth(4)).to_contain_text(re.compile(r"\d+ (ms|s)"))
        self.expect(page.get_by_role("main")).to_contain_text("0 in flight")


class ModelsTests(NowTestCase):
    """
    All models, and each of them.
    """

    CONFIG = CONFIG

    def test_models(self) -> None:
        """
        Models are found by name, alias and state, and lead to their pages.
        """
        self.running.chat("parrot")
        page = self.open("/ui/models")
        shown = page.get_by_role("list", name="Models", exact=True)
        items = shown.get_by_role("listitem")
        self.expect(shown.get_by_role("link", name="slow", exact=True)).to_be_visible()
        page.get_by_label("Search models").fill("first")
        self.expect(shown).to_contain_text("alpha")
        self.expect(shown).not_to_contain_text("slow")
        page.get_by_label("Search models").fill("")
        page.get_by_label("Which models").select_option("Running")
        self.expect(shown).to_contain_text("parrot")
        self.expect(shown).not_to_contain_text("alpha")
        items.get_by_role("button", name="Unload parrot").click()
        self.expect(shown).to_have_count(0)
        page.get_by_label("Which models").select_option("All")
        shown.get_by_role("link", name="alpha", exact=True).click()
        self.expect(
            self.heading("alpha").or_(self.heading("The first"))
        ).to_be_visible()
        self.assertTrue(page.url.endswith("/ui/models/alpha"))

    def test_model(self) -> None:
        """
        A model's page tells all of it: how it is configured, with secrets masked, what
        it answered and how fast, what it wrote.
        """
        asked = self.asked("alpha") + 3
        for _ in range(3):
            self.running.chat("alpha", max_tokens=3)
        page = self.open("/ui/models/alpha")
        main = page.get_by_role("main")
        self.expect(main.get_by_role("region", name="State")).to_contain_text("MiB")
        settings = main.get_by_role("region", name="Configuration")
        self.expect(settings).to_contain_text("llamaswap_tw.simulator --port")
        self.expect(settings).to_contain_text("COLOUR")
        self.expect(settings).to_contain_text("green")
        self.expect(settings).to_contain_text("API_TOKEN")
        self.expect(settings).not_to_contain_text("hush-hush")
        self.expect(settings).to_contain_text("first")
        self.expect(settings).to_contain_text(
            re.compile(r"Address\s*http://localhost:\d")
        )
        self.expect(settings.get_by_role("listitem").first).to_be_visible()
        self.expect(settings).to_contain_text("Function calling")
        self.expect(settings).to_contain_text("a & p & f")
        self.expect(settings).to_contain_text("temperature")
        self.expect(settings).to_contain_text("7B")
        activity = main.get_by_role("region", name="Activity", exact=True)
        self.expect(activity).to_contain_text("/v1/chat/completions")
        for name in ("Prompt", "Generation"):
            figure = main.get_by_role("figure", name=re.compile(f"^{name}"))
            self.expect(figure.get_by_role("img")).to_have_attribute(
                "aria-label", re.compile(r"\d")
            )
        log = main.get_by_role("log", name="Log of alpha")
        self.expect(log).to_contain_text("loading model 'alpha'")
        # Live: another answer is another row.
        rows = main.get_by_role("region", name="Activity of alpha").get_by_role("row")
        self.assertLess(asked, 15)
        self.expect(rows).to_have_count(1 + asked)
        self.running.chat("alpha", max_tokens=1)
        self.expect(rows).to_have_count(2 + asked)
        main.get_by_role("button", name="Unload alpha").click()
        self.expect(
            main.get_by_role("button", name="Load alpha", exact=True)
        ).to_be_enabled()
        main.get_by_role("link", name="All its activity").click()
        self.expect(self.heading("Activity")).to_be_visible()
        self.expect(
            page.get_by_role("button", name="Do not filter by alpha")
        ).to_be_visible()

    def test_what_goes_on(self) -> None:
        """
        A model's page shows who waits for it and what it does, and ends it; it loads
        the model, and tells why that failed.
        """
        self.provoked += ["502"]
        page = self.open("/ui/models/beta")
        main = page.get_by_role("main")
        main.get_by_role("button", name="Load beta", exact=True).click()
        self.expect(main.get_by_role("button", name="Unload beta")).to_be_enabled()
        # Who asks for a model that still loads is served by it before it makes way.
        wait_for(lambda: self.running.running().get("beta") == "ready", "beta to load")
        self.ask_behind("alpha", max_tokens=2000)
        wait_for(lambda: self.running.running().get("alpha") == "ready", "the swap")
        page.goto("/ui/models/alpha")
        rows = main.get_by_role("region", name="Activity of alpha").get_by_role("row")
        self.expect(rows.nth(1)).to_contain_text("In flight, from 127.0.0.1")
        self.ask_behind("beta")
        page.goto("/ui/models/beta")
        waits = main.get_by_role("region", name="Queue").get_by_role("row")
        self.expect(waits.nth(1)).to_contain_text("behind alpha (1 in flight)")
        told = main.get_by_role("region", name="Activity of beta").get_by_role("row")
        self.expect(told.nth(1)).to_contain_text("Waits, from 127.0.0.1")
        told.nth(1).get_by_role("button", name="Cancel the request of").click()
        self.expect(main.get_by_role("region", name="Queue")).to_have_count(0)
        page.goto("/ui/models/alpha")
        rows.nth(1).get_by_role("button", name="Cancel the request of").click()
        self.expect(main).not_to_contain_text("In flight, from")
        page.goto("/ui/models/broken")
        main.get_by_role("button", name="Load broken", exact=True).click()
        # What it could not do is told in a corner too, until it is put away, or for a
        # while: it is looked for first.
        told = page.get_by_role("region", name="Messages")
        self.expect(told).to_contain_text("broken")
        told.get_by_role("button", name="Dismiss").first.click()
        self.expect(told.get_by_role("button", name="Dismiss")).to_have_count(0)
        self.expect(
            main.get_by_role("group", name="Why broken failed")
        ).to_contain_text("no-memory-left")

    def test_no_such_model(self) -> None:
        """
        A model that is not configured is told to be none.
        """
        self.provoked += ["404"]
        page = self.open("/ui/models/nobody")
        self.expect(page.get_by_role("main")).to_contain_text("nobody")
        self.expect(
            page.get_by_role("button", name="Load nobody", exact=True)
        ).to_have_count(0)

    def test_copy(self) -> None:
        """
        Its command is copied by a button.
        """
        page = self.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.open("/ui/models/parrot")
        page.get_by_role("button", name="Copy the command").click()
        self.expect_copied("tests.live.parrot")
