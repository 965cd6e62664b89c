"""
What holds for every test: how Hypothesis looks for examples.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The examples are the same in each run, so that none that is found by chance is held
# against a change that has nothing to do with it; with ``LLAMASWAP_TEST_RANDOM`` they
# are others each time.  How long one takes says how busy the machine is, and nothing
# of us.
settings.register_profile(
    "llamaswap",
    deadline=None,
    derandomize=not os.environ.get("LLAMASWAP_TEST_RANDOM"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("llamaswap")
