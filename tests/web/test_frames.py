"""
Tests for `llamaswap_tw.web.frames`.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.web.frames import Allowance, FrameWatch


def opening() -> bytes:
    """
    What a client sends first: the preface and its settings.
    """
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    return client.data_to_send()


class FrameWatchTests(SynchronousTestCase):
    """
    The frames of a client.
    """

    def test_opening(self) -> None:
        """
        The preface is no frame, and the first settings bring nothing.
        """
        watch = FrameWatch()
        self.assertTrue(watch.unfinished)
        self.assertEqual(watch.feed(opening()), 1)
        self.assertFalse(watch.unfinished)

    def test_in_pieces(self) -> None:
        """
        However it comes, the same is counted, and what has begun is known.
        """
        client = H2Connection(H2Configuration(client_side=True))
        client.initiate_connection()
        client.ping(b"12345678")
        head = [(":method", "GET"), (":path", "/"), (":scheme", "https")]
        client.send_headers(1, [*head, (":authority", "h")])
        client.send_data(1, b"x" * 300)
        client.send_data(1, b"")
        client.reset_stream(1)
        data = client.data_to_send()
        whole = FrameWatch().feed(data)
        # Settings, a ping, an empty piece and a reset.
        self.assertEqual(whole, 4)
        for size in (1, 2, 8, 9, 10, 25, 100):
            watch = FrameWatch()
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            counts = []
            for piece in pieces:
                counts.append(watch.feed(piece))
            self.assertEqual(sum(counts), whole, size)
            self.assertFalse(watch.unfinished, size)
        watch = FrameWatch()
        watch.feed(data[:-1])
        self.assertTrue(watch.unfinished)

    def test_head_in_parts(self) -> None:
        """
        A head is unfinished until the last of its frames.
        """
        watch = FrameWatch()
        watch.feed(opening())
        watch.feed(HeadersFrame(1, b"abc").serialize())
        self.assertTrue(watch.unfinished)
        watch.feed(ContinuationFrame(1, b"def", flags=["END_HEADERS"]).serialize())
        self.assertFalse(watch.unfinished)

    def test_empty_end(self) -> None:
        """
        An empty piece that ends a body brings that.
        """
        watch = FrameWatch()
        watch.feed(opening())
        end: Frame = DataFrame(1, b"", flags=["END_STREAM"])
        self.assertEqual(watch.feed(end.serialize()), 0)

    def test_too_long(self) -> None:
        """
        A frame that is too long is known by its first bytes.
        """
        watch = FrameWatch()
        watch.feed(opening())
        watch.feed(DataFrame(1, b"x" * 2**14).serialize())
        self.assertFalse(watch.too_long)
        watch.feed(DataFrame(1, b"x" * (2**14 + 1)).serialize()[:9])
        self.assertTrue(watch.too_long)


class AllowanceTests(SynchronousTestCase):
    """
    Much at once, less for long.
    """

    def test_spent(self) -> None:
        """
        A burst is borne, more than that is not, and time brings some of it back.
        """
        allowance = Allowance(10, 2.0)
        self.assertTrue(allowance.spend(10, 100.0))
        self.assertFalse(allowance.spend(1, 100.0))
        self.assertTrue(allowance.spend(1, 101.0))
        self.assertFalse(allowance.spend(2, 101.0))

    def test_no_more_than_a_burst(self) -> None:
        """
        Who did nothing for long may do no more at once, nor less where a clock was
        set back.
        """
        allowance = Allowance(10, 2.0)
        self.assertTrue(allowance.spend(1, 100.0))
        self.assertFalse(allowance.spend(11, 10_000.0))
        allowance = Allowance(10, 2.0)
        self.assertTrue(allowance.spend(1, 100.0))
        self.assertTrue(allowance.spend(9, 1.0))
