"""
What the tests share.
"""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

#: How many examples a state machine is run with; more of them on demand.
EXAMPLES = int(os.environ.get("LLAMASWAP_TEST_EXAMPLES", "300"))


class ModelTestCase(SynchronousTestCase):
    """
    Runs Hypothesis machines under trial.

    Trial collects only ``test_`` methods, so it silently passes over
    ``Machine.TestCase``; and it does not print the notes that Hypothesis adds
    to an exception, where the failing steps are.
    """

    def run_machine(
        self,
        machine: type[RuleBasedStateMachine],
        examples: int = EXAMPLES,
        steps: int = 50,
    ) -> None:
        """
        Fail with the shortest sequence of steps that breaks ``machine``.

        :param examples: how many sequences are tried.
        :param steps: how long each may be.
        """
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    deadline=None, max_examples=examples, stateful_step_count=steps
                ),
            )
        except Exception as e:
            notes = getattr(e, "__notes__", [])
            raise self.failureException("\n".join([repr(e), *notes])) from e
