"""
Who tells of the GPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .nvml import open_nvml
from .reading import IGpuReader
from .rocm import open_rocm
from .sysfs import open_sysfs

#: Gives a reader, or `None` where there is nothing for it to read.
Opener = Callable[[], IGpuReader | None]

#: The better one first.
OPENERS: Sequence[Opener] = (open_nvml, open_rocm, open_sysfs)


def open_gpus(openers: Sequence[Opener] = OPENERS) -> IGpuReader | None:
    """
    Find who knows this machine's GPUs.  May take long: call it in a thread.

    :param openers: tried in turn; one that fails hides no other.
    :returns: `None` where nobody knows of any.
    :raises Exception: what the last that failed did, where no other found any.
    """
    failure: Exception | None = None
    for opener in openers:
        try:
            reader = opener()
        except Exception as e:
            failure = e
            continue
        if reader is not None:
            return reader
    if failure is not None:
        raise failure
    return None
