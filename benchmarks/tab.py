"""
A tab of Debian's chromium with the web page, beside what is measured.

Playwright runs an event loop of its own: the browser is driven by a process of its own,
which is told by lines where the tab is to go, and answers with lines of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any

from .daemon import environment

#: A page that is not live by then will not be, in milliseconds.
_PATIENCE_MS = 15_000

#: For the browser to end, in seconds.
_END_LIMIT = 10.0

#: A tab that shows nothing, and asks nobody for anything.
BLANK = "about:blank"

#: In place of a path: what the tab's scripts hold, and what of a log is in sight.
_HEAP = "heap"
_LOG = "log"


class TabFailed(Exception):
    """
    The browser did not start, or the page did not come to life; what was wrong is on
    standard error.
    """


class Tab:
    """
    A tab for the time of a ``with``; it shows nothing at first.

    :param port: where the daemon listens, on loopback.
    """

    def __init__(self, port: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.tab", str(port)]
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Tab:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        try:
            self.go(BLANK)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def go(self, path: str) -> None:
        """
        Load a page, and wait until it is live.

        :param path: of the page, on the daemon; or `BLANK`.
        :raises TabFailed: if it does not come to life.
        """
        self._ask(path)

    def heap(self) -> float:
        """
        :returns: what the tab's scripts hold once what nobody needs is gone, in MB.
        :raises TabFailed: if it does not answer.
        """
        return float(self._ask(_HEAP)) / 1e6

    def log(self) -> str:
        """
        :returns: the lines of the log that are in sight.
        :raises TabFailed: if it does not answer, or shows none.
        """
        return str(self._ask(_LOG))

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise TabFailed(f"the tab has ended at {line}")
        return json.loads(answer)

    def _end(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_END_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()


def main(port: str) -> None:
    """
    Go where the lines on standard input say, until there are no more.

    :param port: where the daemon listens, on loopback.
    """
    from playwright.sync_api import sync_playwright

    from tests.live.browser import CHROMIUM, FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            base_url=f"http://127.0.0.1:{port}", viewport={"width": 1440, "height": 900}
        )
        page.set_default_timeout(_PATIENCE_MS)
        session = page.context.new_cdp_session(page)
        for line in sys.stdin:
            asked, answer = line.strip(), None
            if asked == _HEAP:
                session.send("HeapProfiler.collectGarbage")
                answer = session.send("Runtime.getHeapUsage")["usedSize"]
            elif asked == _LOG:
                answer = page.get_by_role("log").inner_text()
            else:
                page.goto(asked)
                if asked != BLANK:
                    page.wait_for_selector(".connection.live", state="attached")
            print(json.dumps(answer), flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
