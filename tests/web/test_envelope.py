"""
Tests for `llamaswap_tw.web.envelope`.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.errors import (
    BadRequest,
    BodyTooLarge,
    ConcurrencyLimit,
    MethodNotAllowed,
    ModelNotFound,
    RequestError,
    StartFailed,
    UpstreamTimeout,
    type_and_code,
)
from llamaswap_tw.web.envelope import prefers_html, render_error


class RenderErrorTests(SynchronousTestCase):
    """
    An error is told in the client's language.
    """

    def content_type(self, accept: bytes | None, error: RequestError) -> bytes:
        headers, _ = render_error(error, accept)
        return dict(headers)[b"Content-Type"]

    def test_envelope(self) -> None:
        """
        The JSON has the fields that clients read.
        """
        headers, body = render_error(ModelNotFound("qwem", ["qwen"]), None)
        self.assertEqual(headers, [(b"Content-Type", b"application/json")])
        self.assertEqual(
            json.loads(body),
            {
                "src": "llama-swap",
                "error": {
                    "message": "model 'qwem' is not known here; did you mean qwen?",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "model_not_found",
                },
            },
        )

    def test_types_and_codes(self) -> None:
        """
        Each status has its type and code.
        """
        for status, expected in {
            400: ("invalid_request_error", "bad_request"),
            401: ("authentication_error", "unauthorized"),
            403: ("authentication_error", "forbidden"),
            404: ("invalid_request_error", "not_found"),
            409: ("invalid_request_error", "conflict"),
            413: ("invalid_request_error", "invalid_request"),
            429: ("rate_limit_error", "rate_limit_exceeded"),
            500: ("server_error", "internal_error"),
            502: ("server_error", "bad_gateway"),
            503: ("server_error", "service_unavailable"),
            504: ("server_error", "gateway_timeout"),
        }.items():
            self.assertEqual((status, type_and_code(status)), (status, expected))
        self.assertEqual(BodyTooLarge(1).code, "invalid_request")
        self.assertEqual(UpstreamTimeout("x").code, "gateway_timeout")

    def test_accept(self) -> None:
        """
        Text is for who prefers it, by order and by q.
        """
        text, data = b"text/plain; charset=utf-8", b"application/json"
        for accept, expected in [
            (None, data),
            (b"", data),
            (b"*/*", data),
            (b"application/json", data),
            (b"text/plain", text),
            (b"text/html,application/xhtml+xml,*/*;q=0.8", text),
            (b"text/plain, application/json", text),
            (b"application/json, text/plain", data),
            (b"application/json, text/plain, */*", data),
            (b"*/*, text/plain", data),
            (b"text/plain;q=0.5, application/json", data),
            (b"application/json;q=0.5, TEXT/HTML", text),
            (b"text/plain;q=0", data),
            (b"text/plain;q=broken, */*", data),
            (b"text/event-stream", data),
        ]:
            error = BadRequest("odd")
            self.assertEqual(
                (accept, self.content_type(accept, error)), (accept, expected)
            )

    def test_text(self) -> None:
        """
        The text says who tells it.
        """
        _, body = render_error(BadRequest("odd"), b"text/plain")
        self.assertEqual(body, b"llama-swap: odd\n")

    def test_browsers(self) -> None:
        """
        A client that wants HTML before all else is a browser.
        """
        for accept, expected in [
            (None, False),
            (b"*/*", False),
            (b"text/plain, text/html", False),
            (b"text/html;q=0.5, application/json", False),
            (b"text/html;q=0", False),
            (b"text/html", True),
            (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ]:
            self.assertEqual((accept, prefers_html(accept)), (accept, expected))

    def test_too_many_is_json(self) -> None:
        """
        429 is JSON whatever is preferred, and says when to try again.
        """
        headers, body = render_error(ConcurrencyLimit("a", 10), b"text/plain")
        self.assertEqual(
            headers, [(b"Content-Type", b"application/json"), (b"Retry-After", b"1")]
        )
        error = json.loads(body)["error"]
        self.assertEqual(error["type"], "rate_limit_error")
        self.assertEqual(error["code"], "concurrency_limit")

    def test_allow(self) -> None:
        """
        A method that is not allowed is told those that are.
        """
        headers, _ = render_error(MethodNotAllowed("PUT", ["GET", "HEAD"]), None)
        self.assertIn((b"Allow", b"GET, HEAD"), headers)

    def test_start_failed(self) -> None:
        """
        A start that failed is told with what the process wrote.
        """
        error = StartFailed("a", "exited with status 1", "CUDA out of memory")
        self.assertIn("exited with status 1", error.message)
        self.assertIn("CUDA out of memory", error.message)

    def test_not_encodable(self) -> None:
        """
        A name that is no Unicode text does not break its own error.
        """
        _, body = render_error(RequestError("odd: \ud800"), None)
        self.assertEqual(json.loads(body)["error"]["message"], "odd: ?")
