"""
A server with much of everything, and how long the web page takes with it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from llamaswap_tw.activity.database import File
from llamaswap_tw.activity.row import Row, Tokens

from .browser import PAGES, parrot
from .support import Daemon, simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS = 10_000
MODELS = 60

#: One that writes much to its log, when it is told to, and many others.
NAMES = ["loud", *(f"model-{number:02}" for number in range(1, MODELS))]

_STORE = "activity.db"

CONFIG = "\n".join(
    [
        f"store: {{path: {_STORE}}}",
        f"groups: {{all: {{swap: false, members: [{', '.join(NAMES)}]}}}}",
        "models:",
        f"  loud:\n    {parrot()}",
        *(
            f"  {name}:\n    cmd: {simulator(f'--model {name} --load-time 0')}\n"
            "    description: One of very many"
            for name in NAMES[1:]
        ),
    ]
)

#: Clicks on what a selector finds, and tells after how many milliseconds what it leads
#: to has been drawn.
_CLICK = """
([selector, ready]) => new Promise((told) => {
    const target = document.querySelector(selector);
    const there = new Function(`return ${ready}`);
    const began = performance.now();
    target.click();
    const look = () => requestAnimationFrame(() => {
        if (there()) requestAnimationFrame(() => told(performance.now() - began));
        else look();
    });
    look();
})
"""


def write_rows(folder: Path) -> None:
    """
    Write the activity of a day, as a daemon has it that has run for so long.

    :param folder: the daemon's.
    """
    database = File(str(folder / _STORE))
    database.open()
    now = time.time()
    rows = [
        Row(
            timestamp=now - 86400 * (ROWS - number) / ROWS,
            model=NAMES[number % MODELS],
            req_path="/v1/chat/completions",
            resp_content_type="text/event-stream",
            resp_status_code=502 if number % 50 == 0 else 200,
            tokens=Tokens(0, 0, 0, number % 4000, number % 700, 800, 20 + number % 90),
            duration_ms=number % 30_000,
            error_msg="the process exited" if number % 50 == 0 else "",
            metadata={"ttft_ms": "120", "session": f"session-{number % 7}"},
        )
        for number in range(ROWS)
    ]
    for start in range(0, ROWS, 500):
        database.write(rows[start : start + 500])
    database.close()


def write_log(daemon: Daemon, size: int, rate: int) -> None:
    """
    Have the loud model write to its log; the last line is ``the log is over``.

    :param size: how much, in bytes.
    :param rate: bytes a second; 0 for as many as are taken.
    """
    message = {"role": "user", "content": f"log {size} {rate}"}
    daemon.ask("POST", "/v1/chat/completions", {"model": "loud", "messages": [message]})


def title_of(name: str) -> str:
    """
    What stands above the page of that name in the navigation.
    """
    return "Chat" if name == "Playground" else name


def click(page: Page, selector: str, ready: str) -> float:
    """
    Click, and wait for what it leads to.

    :param selector: of what is clicked, in CSS.
    :param ready: an expression that is true when it is there.
    :returns: how long that took, in milliseconds, by the page's own clock.
    """
    took: float = page.evaluate(_CLICK, [selector, ready])
    return took


def go_everywhere(page: Page) -> dict[str, float]:
    """
    Click on the link of every page.

    :param page: a tab with any of them.
    :returns: how long each took, in milliseconds.
    """
    return {
        name: click(
            page,
            f"nav[aria-label=Pages] a[href='{path.removesuffix('/chat')}']",
            f"document.querySelector('h1')?.textContent === '{title_of(name)}'",
        )
        for name, path in (*reversed(PAGES.items()), ("Now", "/ui/"))
    }


def sort_and_turn(page: Page) -> dict[str, float]:
    """
    Sort all rows of the activity by another column, and turn to the second page.

    :param page: a tab with the activity, as it is opened.
    :returns: how long each took, in milliseconds.
    """
    pager = "nav[aria-label='Pages of rows']"
    return {
        "sorting": click(
            page,
            "thead th:nth-child(7) button",
            "document.querySelector('[aria-sort=descending]')?.textContent"
            ".includes('Generated') && !document.querySelector('[aria-busy=true]')",
        ),
        "the next page": click(
            page,
            f"{pager} button:nth-of-type(3)",
            f'document.querySelector("{pager}").textContent.startsWith("51")',
        ),
    }
