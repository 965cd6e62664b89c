"""
Makes the pictures of the web page in ``docs/images``, of a daemon with models that
pretend::

    python docs/make_screenshots.py

It needs Chromium (``/usr/bin/chromium``), what ``pip install ".[tests]"`` brings, and
the page built.  It takes about a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PORT = 18431
URL = f"http://127.0.0.1:{PORT}"

_SIMULATOR = f"{sys.executable} -m llamaswap_tw.simulator --port ${{PORT}}"

CONFIG = f"""
startPort: 18440
models:
  gemma-12b:
    cmd: {_SIMULATOR} --load-time 2 --tokens-per-second 60
    description: For pictures and talk
    ttl: 600
    capabilities: {{in: [text, image], out: [text], tools: true, context: 32768}}
  qwen-coder-32b:
    cmd: {_SIMULATOR} --load-time 4 --tokens-per-second 35
    description: For coding agents
  embed-small:
    cmd: {_SIMULATOR} --load-time 1
  too-large-70b:
    cmd: >
      {sys.executable} -c
      'import sys; print("ggml_cuda: failed to allocate 41.2 GiB"); sys.exit(1)'
      ${{PORT}}
profiles: {{night: {{pins: {{qwen-coder-32b: gemma-12b}}}}}}
"""

#: A picture's name, where it is, and what must be seen in it.
PICTURES = (
    ("now", "/ui/?span=5", "The last hour"),
    ("model", "/ui/models/gemma-12b", "Generation"),
    ("activity", "/ui/activity", "In flight"),
    ("logs", "/ui/logs", "Follow"),
    ("machine", "/ui/machine", "Hardware"),
    ("settings", "/ui/settings", "Theme"),
)


def ask(model: str, text: str = "Tell me of llamas.", **more: object) -> None:
    """
    Send a chat and read the answer, whatever it is.
    """
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    request = urllib.request.Request(
        f"{URL}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(request, timeout=120).read()
    except urllib.error.HTTPError as error:
        error.read()


def live_through_something() -> None:
    """
    Requests for all models: swaps, a failure, and a queue at the end.
    """
    for model in ("gemma-12b", "qwen-coder-32b", "gemma-12b", "too-large-70b"):
        for _ in range(4):
            ask(model, max_tokens=80)
    for model in ("gemma-12b", "gemma-12b", "qwen-coder-32b", "qwen-coder-32b"):
        threading.Thread(
            target=ask, args=(model,), kwargs={"max_tokens": 600}, daemon=True
        ).start()


def take(page: Page) -> None:
    """
    Take all pictures.
    """
    for name, path, seen in PICTURES:
        page.goto(URL + path)
        page.get_by_text(seen).first.wait_for()
        page.wait_for_load_state("load")
        # Charts are drawn when their data has come.
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / f"{name}.png")
    page.goto(f"{URL}/ui/playground/chat?model=gemma-12b")
    page.get_by_role("textbox", name="Message").fill("What do you pretend to be?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Answer again").wait_for(timeout=60_000)
    page.screenshot(path=IMAGES / "playground.png")


def main() -> None:
    """
    Start a daemon, take the pictures, stop it.
    """
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG)
        command = [
            *("twistd", "-n", "--pidfile=", "llamaswap", "--config", str(config)),
            *("--listen", f"127.0.0.1:{PORT}"),
        ]
        daemon = subprocess.Popen(command)
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"{URL}/health").read()
                    break
                except OSError:
                    time.sleep(0.1)
            live_through_something()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium",
                    args=["--no-sandbox", "--disable-gpu"],
                )
                take(browser.new_page(viewport={"width": 1280, "height": 800}))
                browser.close()
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
