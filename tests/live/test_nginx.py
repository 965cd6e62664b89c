"""
The daemon behind nginx.
"""

from __future__ import annotations

import http.client
import json
import time

from .nginx import NGINX, Nginx
from .support import LiveTestCase, chat_body, events, simulator, undisturbed

CONFIG = f"""
models:
  m: {{cmd: "{simulator("--load-time 0", "--tokens-per-second 20")}"}}
"""


class NginxTests(LiveTestCase):
    """
    A front with ``proxy_buffering on`` does not hold streams up, nor hide that
    they were cut.
    """

    if NGINX is None:
        skip = "nginx is not installed"

    def setUp(self) -> None:
        self.behind = self.daemon(CONFIG)
        self.nginx = Nginx(self.folder(), self.behind.port)
        self.addCleanup(self.nginx.end)
        self.nginx.wait_until_listening()

    def asked(self, **more: object) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.nginx.port)
        self.addCleanup(connection.close)
        body = json.dumps(chat_body("m", **more))
        connection.request("POST", "/v1/chat/completions", body)
        response = connection.getresponse()
        self.addCleanup(response.close)
        return response

    def test_flows(self) -> None:
        """
        Events come as they are made.
        """
        undisturbed(self.flows)

    def flows(self) -> None:
        times = []
        for _ in events(self.asked(stream=True, max_tokens=12)):
            times.append(time.monotonic())
        self.assertGreater(times[-1] - times[0], 0.4)
        self.assertGreater(len(times), 12)

    def test_cut(self) -> None:
        """
        What the model breaks off is seen to be broken off, also over the
        HTTP/1.0 that nginx speaks by default.
        """
        response = self.asked(stream=True, max_tokens=50, simulator={"cut_after": 3})
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            response.read()
