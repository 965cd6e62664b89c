"""
A real browser before a real daemon: what the tests of the web page share.

Playwright's plain interface runs an event loop of asyncio in the thread that uses it,
which nothing else may do there as long as it runs.  So the browser has a thread of its
own, and the tests that use it run in that thread.
"""

from __future__ import annotations

import atexit
import importlib.util
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import TestResult

import tests
from llamaswap_tw.web.static import FOLDER

from .support import Daemon, LiveTestCase, chat_body, simulator

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Locator,
        Page,
        Playwright,
    )

#: Where it is installed, or `None`.
CHROMIUM = shutil.which("chromium")

#: The project's root.
ROOT = Path(tests.__file__).parent.parent

_AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"

#: How it is started.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever would ask another host finds none.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # A microphone that beeps, for who asks for one.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]

#: A wide screen and a telephone's.
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 740}

#: How long the page may take for what it is to do, in milliseconds, on a machine
#: however slow.
PATIENCE_MS = 30_000

#: How long a request lasts that is there to be seen, in seconds: as long as the test.
_LONG = 600.0

#: Every page, by its title, with a path that leads to it.
PAGES = {
    "Now": "/ui/",
    "Models": "/ui/models",
    "Playground": "/ui/playground/chat",
    "Activity": "/ui/activity",
    "Logs": "/ui/logs",
    "Machine": "/ui/machine",
    "Settings": "/ui/settings",
}


def why_not() -> str | None:
    """
    Why there is nothing to test with, or `None`.
    """
    if CHROMIUM is None:
        return "chromium is not installed"
    if importlib.util.find_spec("playwright") is None:
        return "playwright, which drives the browser, is not installed"
    if not (FOLDER / "index.html").exists():
        return "the web page was not built"
    return None


def parrot(*lines: str) -> str:
    """
    The lines of a model that runs `tests.live.parrot`.

    :param lines: for its log, with the escapes of Python's strings.
    """
    # Within YAML's single quotes, and words of a shell.
    quoted = "".join(f''' "{line.replace("'", "''")}"''' for line in lines)
    return (
        f"cmd: '{sys.executable} -m tests.live.parrot ${{PORT}}{quoted}'\n"
        f'    env: ["PYTHONPATH={ROOT}"]'
    )


def gated(name: str) -> str:
    """
    A ``cmd`` that runs the simulator once `BrowserTestCase.let_load` has let it: until
    then the model loads.

    :param name: of the model.
    """
    command = simulator(f"--model {name} --load-time 0 --tokens-per-second 100")
    return f'sh -c "until [ -e {name}.open ]; do sleep 0.05; done; exec {command}"'


class _BrowserThread:
    """
    A thread for what uses Playwright: one call after another.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def call(self, function: Callable[[], Any]) -> Any:
        """
        Call a function in the thread, and wait for it.

        :returns: what it returns; what it raises is raised.
        """
        if not self._thread.is_alive():
            self._thread.start()
            atexit.register(self._end)
        future: Future[Any] = Future()
        self._calls.put((future, function))
        return future.result()

    def browser(self) -> Browser:
        """
        The browser; only in the thread.
        """
        if self._browser is None:
            from playwright.sync_api import expect, sync_playwright

            expect.set_options(timeout=PATIENCE_MS)
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=FLAGS
            )
        return self._browser

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, function = item
            try:
                future.set_result(function())
            except BaseException as e:
                future.set_exception(e)
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def _end(self) -> None:
        self._calls.put(None)
        self._thread.join()


_thread = _BrowserThread()


class _Shared:
    """
    The daemon that the tests of a class share: trial has no fixtures for classes.  It
    ends when another class wants one, and with the process.
    """

    def __init__(self) -> None:
        self._owner: type | None = None
        self._daemon: Daemon | None = None
        self._folder: Path | None = None
        atexit.register(self.end)

    def daemon(self, owner: type[BrowserTestCase]) -> Daemon:
        """
        The daemon of a class.
        """
        if (
            self._owner is owner
            and self._daemon
            and self._daemon.process.poll() is None
        ):
            return self._daemon
        self.end()
        self._folder = Path(tempfile.mkdtemp(prefix="llamaswap-test-"))
        owner.prepare(self._folder)
        self._daemon = Daemon(self._folder, owner.CONFIG, owner.OPTIONS)
        self._daemon.wait_until_listening()
        self._owner = owner
        return self._daemon

    def spend(self) -> None:
        """
        Let the next test have another one.
        """
        self._owner = None

    def end(self) -> None:
        if self._daemon is not None:
            self._daemon.end()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._owner = self._daemon = self._folder = None


_shared = _Shared()


class BrowserTestCase(LiveTestCase):
    """
    Looks at the page of a daemon that the class's tests share.  After each test nothing
    but what it has foreseen may have been told on the console, no script may have
    failed, and nobody but the daemon may have been asked for anything.

    :cvar CONFIG: the daemon's configuration.
    :cvar OPTIONS: more for its command line.
    :ivar page: a tab, in a profile of the test's own.
    :ivar provoked: parts of what the console may tell of resources that could not be
        loaded: the test has seen to it that they could not.
    """

    CONFIG: ClassVar[str] = ""
    OPTIONS: ClassVar[Sequence[str]] = ()

    skip = why_not()

    running: Daemon
    page: Page

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """
        Put into the daemon's folder what it is to find there.
        """

    def run(self, result: TestResult) -> None:  # type: ignore[override]  # trial's own says "a reporter"
        """
        Run the test where the browser is.
        """
        if self.skip:
            super().run(result)
        else:
            _thread.call(lambda: super(BrowserTestCase, self).run(result))

    def setUp(self) -> None:
        self.provoked: list[str] = []
        self._told: list[str] = []
        self._contexts: list[BrowserContext] = []
        self.running = self.serve()
        self.page = self.tab()
        self.addCleanup(self._look_back)

    def serve(self) -> Daemon:
        """
        The daemon that is looked at; nothing of it is loaded.
        """
        daemon = _shared.daemon(type(self))
        if daemon.running():
            daemon.ask("POST", "/api/models/unload")
        return daemon

    def let_load(self, name: str) -> None:
        """
        Let a model load whose ``cmd`` is `gated`.
        """
        (self.running.config.parent / f"{name}.open").touch()

    def hold_loads(self, name: str) -> None:
        """
        From now on it loads for as long as it takes `let_load` to be called.
        """
        (self.running.config.parent / f"{name}.open").unlink(missing_ok=True)

    def ask_behind(self, model: str, **more: Any) -> None:
        """
        Have a client ask a model, without waiting for the answer.  What of it is still
        on its way when the test is over is ended.
        """
        thread = threading.Thread(
            target=self.running.ask,
            args=("POST", "/v1/chat/completions", chat_body(model, **more)),
            kwargs={"patience": _LONG},
        )
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.running.ask, "POST", "/api/models/unload")

    def expect_copied(self, text: str) -> None:
        """
        Wait until a text is, or is in, what was copied.
        """
        self.expect_script(
            "(text) => navigator.clipboard.readText()"
            ".then((copied) => copied.includes(text))",
            text,
        )

    def expect_script(
        self,
        script: str,
        argument: Any = None,
        *,
        why: Callable[[], object] = lambda: "it does not come true",
    ) -> None:
        """
        Wait until what a script in the page returns is true.

        Playwright's ``wait_for_function`` is of no use here: only its first look comes
        from outside; the later ones use ``eval`` within the page, which the page's
        Content-Security-Policy forbids.

        :param script: an expression or a function.
        :param argument: the function's.
        :param why: returns what the failure is to tell.
        """
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(script, argument):
            if time.monotonic() > deadline:
                self.fail(f"{script}: {why()}")
            self.page.wait_for_timeout(100)

    def spend(self) -> None:
        """
        Leave the daemon to no other test: what was done to it would be in their way.
        """
        _shared.spend()

    def tab(self, **options: Any) -> Page:
        """
        A tab in a new profile.

        :param options: for the profile: Playwright's own.
        """
        context = _thread.browser().new_context(
            base_url=self.running.url, **{"viewport": WIDE, **options}
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._hear)
        context.on(
            "weberror",
            lambda error: self._told.append(error.error.stack or str(error.error)),
        )
        context.on("request", lambda request: self._see(request.url))
        self._contexts.append(context)
        return context.new_page()

    def open(self, path: str = "/ui/") -> Page:
        """
        Open the page and wait until it is live.
        """
        self.page.goto(path)
        self.wait_until_live()
        return self.page

    def wait_until_live(self) -> None:
        # On a narrow screen it is there, but not seen.
        self.expect(self.page.locator(".connection.live")).to_be_attached()

    def expect(self, what: Locator | Page) -> Any:
        """
        Playwright's own ``expect``: it waits.
        """
        from playwright.sync_api import expect

        return expect(what)

    def heading(self, name: str) -> Locator:
        """
        A page's heading.
        """
        return self.page.get_by_role("heading", level=1, name=name, exact=True)

    def model_row(self, name: str) -> Locator:
        """
        A model's row, on the page that has one for each.
        """
        # Playwright writes it between slashes.
        begins = "^" + re.escape(name).replace("/", r"\/")
        return self.page.get_by_role("row").filter(
            has=self.page.get_by_role("rowheader", name=re.compile(begins))
        )

    def settle(self) -> None:
        """
        Wait until what has changed is drawn.
        """
        self.page.evaluate(
            "new Promise((drawn) =>"
            " requestAnimationFrame(() => requestAnimationFrame(drawn)))"
        )

    def violations(self, page: Page) -> list[str]:
        """
        What axe-core has to say of what is shown: nothing, where all is well.
        """
        page.evaluate(_AXE.read_text())
        result: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
            for one in result["violations"]
            for node in one["nodes"]
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type not in ("error", "warning"):
            return
        if text.startswith("Failed to load resource"):
            text = f"{text} {message.location.get('url', '')}"
            if any(one in text for one in self.provoked):
                return
        self._told.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith((self.running.url + "/", "data:", "blob:")):
            self._told.append(f"somebody else was asked: {url}")

    def _look_back(self) -> None:
        for context in self._contexts:
            # What the browser has told until now is heard while it is asked.
            for page in context.pages:
                if not page.is_closed():
                    page.evaluate("0")
            context.close()
        self.assertEqual(self._told, [], "\n".join(self._told))


def why_no_axe() -> str | None:
    """
    Why there is nothing to check accessibility with, or `None`.
    """
    return None if _AXE.exists() else "axe-core is not installed: npm ci in ui/"
