"""
What is around every page, in a real browser.
"""

from __future__ import annotations

import signal
from typing import Literal

from .browser import NARROW, PAGES, BrowserTestCase
from .support import Daemon, simulator, wait_for

MODELS = f"""
models:
  alpha:
    cmd: {simulator("--model alpha --load-time 0.1")}
  beta:
    cmd: {simulator("--model beta --load-time 0.1")}
"""

PROFILES = """
profiles:
  day: {description: Work, pins: {work: alpha}}
  night: {pins: {work: beta}}
"""

#: Where a page's heading is not its name in the navigation.
TITLES = {"Playground": "Chat"}


class ShellTests(BrowserTestCase):
    """
    The navigation, the keys, the theme and the profiles.
    """

    CONFIG = MODELS + PROFILES

    def test_pages_by_links(self) -> None:
        """
        Every page opens by its link, tells its title to the tab and takes the focus;
        going back leads to the one before.
        """
        page = self.open()
        names = page.get_by_role("navigation", name="Pages")
        for name, path in PAGES.items():
            link = names.get_by_role("link", name=name, exact=True)
            link.click()
            title = TITLES.get(name, name)
            self.expect(self.heading(title)).to_be_visible()
            self.expect(page).to_have_title(f"{title} · llamaswap-tw")
            self.expect(link).to_have_attribute("aria-current", "page")
            self.assertTrue(
                page.url.startswith(self.running.url + path.rpartition("/")[0])
            )
            if name != "Now":
                self.expect(self.heading(title)).to_be_focused()
        page.go_back()
        self.expect(self.heading("Machine")).to_be_visible()

    def test_pages_by_paths(self) -> None:
        """
        Every view has a path that leads to it, also when it is opened with it.
        """
        page = self.page
        for name, path in {**PAGES, "alpha": "/ui/models/alpha"}.items():
            title = TITLES.get(name, name)
            page.goto(path)
            self.expect(self.heading(title)).to_be_visible()
            page.reload()
            self.expect(self.heading(title)).to_be_visible()
            self.wait_until_live()

    def test_no_such_page(self) -> None:
        """
        A path that leads nowhere is told, with a way home.
        """
        page = self.open("/ui/elsewhere")
        self.expect(page.get_by_role("main")).to_contain_text("/ui/elsewhere")
        page.get_by_role("main").get_by_role("link").first.click()
        self.expect(self.heading("Now")).to_be_visible()

    def test_keys(self) -> None:
        """
        ``g`` and a letter go to a page, ``/`` goes to its search, ``?`` tells of them,
        and who types a text is left alone.
        """
        page = self.open()
        for key, name in {
            "m": "Models",
            "p": "Playground",
            "a": "Activity",
            "l": "Logs",
            "h": "Machine",
            "s": "Settings",
            "n": "Now",
        }.items():
            self.go(key, TITLES.get(name, name))
            # It takes the focus: what is typed next goes into no text.
            self.expect(self.heading(TITLES.get(name, name))).to_be_focused()
        page.keyboard.press("/")
        search = page.get_by_role("searchbox")
        self.expect(search).to_be_focused()
        page.keyboard.type("gm?")
        self.expect(search).to_have_value("gm?")
        page.get_by_role("button", name="Keyboard help").click()
        dialog = page.get_by_role("dialog", name="Keyboard")
        self.expect(dialog).to_contain_text("Go to Models")
        page.keyboard.press("Escape")
        self.expect(dialog).to_be_hidden()
        self.heading("Now").focus()
        page.keyboard.press("?")
        self.expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Close").click()
        self.expect(dialog).to_be_hidden()

    def go(self, key: str, title: str) -> None:
        """
        Go to a page by keys.  They have to follow each other soon, and on a machine
        that has much to do they do not always.
        """
        for left in reversed(range(5)):
            self.page.keyboard.type(f"g{key}")
            try:
                self.expect(self.heading(title)).to_be_visible(
                    timeout=5000 if left else None
                )
            except AssertionError:
                if not left:
                    raise
            else:
                return

    def background(self, scheme: Literal["light", "dark"]) -> str:
        """
        The page's colour where that is the system's theme, and none is chosen.
        """
        self.page.emulate_media(color_scheme=scheme)
        self.settle()
        colour: str = self.page.evaluate(
            "getComputedStyle(document.documentElement).backgroundColor"
        )
        return colour

    def test_theme(self) -> None:
        """
        The theme is the system's until another is chosen; the choice is kept.
        """
        page = self.open()

        root = page.locator("html")

        def is_coloured(colour: str) -> None:
            self.expect(root).to_have_css("background-color", colour)

        light, dark = self.background("light"), self.background("dark")
        self.assertNotEqual(light, dark)
        page.get_by_role("button", name="Theme: as the system").click()
        self.expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
        is_coloured(light)
        page.reload()
        is_coloured(light)
        page.get_by_role("button", name="Theme: light").click()
        is_coloured(dark)
        page.emulate_media(color_scheme="light")
        self.settle()
        is_coloured(dark)
        page.get_by_role("button", name="Theme: dark").click()
        is_coloured(light)

    def test_profile(self) -> None:
        """
        Another profile is chosen here and seen by all who look.
        """
        page = self.open()
        other = page.context.new_page()
        other.goto("/ui/")
        choice = page.get_by_label("Profile")
        self.expect(choice).to_have_value("")
        choice.select_option("night")
        self.expect(other.get_by_label("Profile")).to_have_value("night")
        self.assertEqual(
            self.running.ask("GET", "/api/profiles").json["active"], "night"
        )
        self.running.ask("PUT", "/api/profiles/active", {"name": "day"})
        self.expect(choice).to_have_value("day")
        choice.select_option("None")
        self.expect(other.get_by_label("Profile")).to_have_value("")

    def test_menu(self) -> None:
        """
        On a narrow screen the navigation is behind a button, and goes when it was used.
        """
        page = self.open()
        page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
        names = page.get_by_role("navigation", name="Pages")
        self.expect(names).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        names.get_by_role("link", name="Logs").click()
        self.expect(self.heading("Logs")).to_be_visible()
        self.expect(names).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        page.keyboard.press("Escape")
        self.expect(names).to_be_hidden()
        self.expect(page.get_by_role("button", name="Menu")).to_be_focused()

    def test_skip_link(self) -> None:
        """
        The first key press leads past the navigation.
        """
        page = self.open()
        page.keyboard.press("Tab")
        link = page.get_by_role("link", name="Skip to the content")
        self.expect(link).to_be_focused()
        page.keyboard.press("Enter")
        self.expect(page.get_by_role("main")).to_be_focused()


class ConnectionTests(BrowserTestCase):
    """
    A daemon that goes, comes back, changes, and wants to know who asks.
    """

    CONFIG = MODELS

    def serve(self) -> Daemon:
        """
        One of each test's own: it will not be the same afterwards.
        """
        self._daemons = [Daemon(self.folder(), self.CONFIG)]
        # Ended only when the page has been looked at for the last time.
        self.addCleanup(self._end_all)
        self._daemons[0].wait_until_listening()
        return self._daemons[0]

    def _end_all(self) -> None:
        for daemon in self._daemons:
            daemon.end()

    def write(self, text: str) -> None:
        """
        Replace the configuration, and have it loaded.
        """
        self.running.config.write_text(f"startPort: {self.running.start_port}\n{text}")
        self.running.process.send_signal(signal.SIGHUP)

    def restart(self) -> Daemon:
        """
        The same daemon again, at the same port.
        """
        again = Daemon(self.folder(), self.CONFIG, port=self.running.port)
        self._daemons.append(again)
        again.wait_until_listening()
        return again

    def test_killed_and_started_again(self) -> None:
        """
        A page whose daemon is killed says that it is not live, and goes on by itself
        when there is one again, with what that one knows.
        """
        self.provoked += ["net::ERR_"]
        page = self.open()
        page.get_by_role("button", name="Load alpha", exact=True).click()
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        status = page.get_by_role("status").filter(has_text="Reconnecting")
        self.running.process.kill()
        self.expect(status).to_be_visible()
        self.running.process.wait()
        # What it knew is still to be read.
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        self.restart()
        self.wait_until_live()
        self.expect(status).to_be_hidden()
        self.expect(
            page.get_by_role("button", name="Load alpha", exact=True)
        ).to_be_enabled()
        page.get_by_role("button", name="Load alpha", exact=True).click()
        self.expect(self.model_row("alpha")).to_contain_text("Ready")

    def test_page_that_was_not_fetched(self) -> None:
        """
        A page that is opened while the daemon is away says so, and can be tried again.
        """
        self.provoked += ["net::ERR_"]
        page = self.open()
        self.running.process.kill()
        self.running.process.wait()
        page.get_by_role("link", name="Machine", exact=True).click()
        alert = page.get_by_role("alert")
        self.expect(alert).to_contain_text("could not be fetched")
        self.restart()
        alert.get_by_role("button", name="Try again").click()
        self.expect(self.heading("Machine")).to_be_visible()
        self.wait_until_live()

    def test_reload(self) -> None:
        """
        A configuration that is loaded again shows under an open page: models come and
        go, and a profile.
        """
        page = self.open()
        self.expect(
            page.get_by_role("button", name="Load beta", exact=True)
        ).to_be_visible()
        self.expect(page.get_by_label("Profile")).to_be_hidden()
        gamma = MODELS.replace("beta", "gamma") + PROFILES.replace("beta", "gamma")
        self.write(gamma)
        self.expect(
            page.get_by_role("button", name="Load gamma", exact=True)
        ).to_be_visible()
        self.expect(
            page.get_by_role("button", name="Load beta", exact=True)
        ).to_have_count(0)
        self.expect(page.get_by_label("Profile")).to_be_visible()

    def test_key(self) -> None:
        """
        A daemon that begins to want a key is given one in the page, a wrong one is
        told, and the right one is kept as long as the tab, or longer where that was
        asked for.
        """
        self.provoked += ["401"]
        page = self.open()
        self.write(f"apiKeys: [first-key]\n{MODELS}")
        # It looks for profiles, since they may be others now: that is refused.
        dialog = page.get_by_role("dialog", name="API key")
        self.expect(dialog).to_be_visible()
        dialog.get_by_label("Key", exact=True).fill("wrong")
        dialog.get_by_role("button", name="Use this key").click()
        self.expect(dialog).to_contain_text("This key is not taken")
        dialog.get_by_label("Key", exact=True).fill("first-key")
        dialog.get_by_role("button", name="Use this key").click()
        self.expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Load alpha", exact=True).click()
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        self.assertEqual(page.evaluate("localStorage.getItem('llamaswap.key')"), None)
        self.assertEqual(
            page.evaluate("sessionStorage.getItem('llamaswap.key')"), "first-key"
        )
        # Another key: the page asks again, and is told to remember it.
        self.write(f"apiKeys: [second-key]\n{MODELS}")
        self.expect(dialog).to_be_visible()
        dialog.get_by_label("Key", exact=True).fill("second-key")
        dialog.get_by_role("checkbox").check()
        dialog.get_by_role("button", name="Use this key").click()
        page.get_by_role("button", name="Unload alpha").click()
        self.expect(
            page.get_by_role("button", name="Load alpha", exact=True)
        ).to_be_visible()
        self.assertEqual(
            page.evaluate("localStorage.getItem('llamaswap.key')"), "second-key"
        )

    def test_key_of_the_browser(self) -> None:
        """
        Who has told the browser's own prompt a key sees the page, live, and is not
        asked again; who has none sees nothing of it.
        """
        self.write(f"apiKeys: [the-key]\n{MODELS}")
        self.provoked += ["401"]
        wait_for(
            lambda: self.running.ask("GET", "/ui/").status == 401, "the configuration"
        )
        self.page = self.tab(http_credentials={"username": "me", "password": "the-key"})
        self.open()
        self.page.get_by_role("button", name="Load alpha", exact=True).click()
        self.expect(self.model_row("alpha")).to_contain_text("Ready")
        self.expect(self.page.get_by_role("dialog")).to_have_count(0)
