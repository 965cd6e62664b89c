"""
The machine's processes, as far as it takes to find all of a model's.

Used by the daemon, in a thread, and by the watchdog, which must stay small:
this module imports the standard library alone, and little of that.
"""

from __future__ import annotations

import os
import sys
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The environment variable that says which daemon, and which start of which
#: model, a process belongs to; children inherit it.
COOKIE_VARIABLE = "LLAMASWAP_COOKIE"

#: The environment variable that says which daemon a watchdog watches.
WATCHDOG_VARIABLE = "LLAMASWAP_WATCHDOG_OF"

#: A limit without effect since Linux 2.4.25, on file locks, which fork and exec leave
#: alone: it marks what has wiped its environment too.
MARK_LIMIT = 10

_MARK_LINE = b"Max file locks "

#: How much of a file is read at once, in bytes.
_READ_SIZE = 32 * 1024


class Entry(namedtuple("Entry", ("pid", "parent", "group", "session", "started"))):
    """
    One living process; a zombie is none.

    :ivar started: when, in the kernel's ticks: a pid and this name a process
        for good.
    """

    __slots__ = ()

    pid: int
    parent: int
    group: int
    session: int
    started: int


if TYPE_CHECKING:
    Table = Mapping[int, Entry]
else:
    Table = dict


def read_table() -> dict[int, Entry]:
    """
    All living processes by pid.  Takes some milliseconds: call it in a thread.
    """
    entries = _from_proc() if sys.platform == "linux" else _from_psutil()
    return {entry.pid: entry for entry in entries}


def read_entry(pid: int) -> Entry | None:
    """
    One process, or `None` where it does not live.
    """
    return _proc_entry(pid) if sys.platform == "linux" else _psutil_entry(pid)


def _from_proc() -> Iterator[Entry]:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            entry = _proc_entry(int(name))
            if entry is not None:
                yield entry


def _proc_entry(pid: int) -> Entry | None:
    try:
        line = _read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name, in parentheses, may hold anything, parentheses too.
    fields = line[line.rfind(b")") + 2 :].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X", b"x"):
        return None
    return Entry(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def _read(path: str) -> bytes:
    # Python's file objects take twice as long, and there are hundreds of these.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _READ_SIZE)
        piece = data
        while len(piece) == _READ_SIZE:
            piece = os.read(descriptor, _READ_SIZE)
            data += piece
    finally:
        os.close(descriptor)
    return data


def _from_psutil() -> Iterator[Entry]:
    # Imported where it is needed: Linux does without.
    import psutil

    for pid in psutil.pids():
        entry = _psutil_entry(pid)
        if entry is not None:
            yield entry


def _psutil_entry(pid: int) -> Entry | None:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return Entry(
                pid,
                process.ppid(),
                os.getpgid(pid),
                os.getsid(pid),
                int(process.create_time() * 1000),
            )
    except (psutil.Error, OSError):
        return None


def read_variable(pid: int, name: str) -> str | None:
    """
    A variable of the environment that a process was started with, or `None`.
    """
    try:
        environment = _read(f"/proc/{pid}/environ")
    except OSError:
        return None
    prefix = name.encode() + b"="
    # Most have none, and need not be taken apart.
    if prefix not in environment:
        return None
    for variable in environment.split(b"\0"):
        if variable.startswith(prefix):
            return variable[len(prefix) :].decode("ascii", "replace")
    return None


def read_cookie(pid: int) -> str | None:
    """
    The cookie that a process bears, or `None`.
    """
    return read_variable(pid, COOKIE_VARIABLE)


def mark_of(cookie: str) -> int:
    """
    The mark that goes with a cookie: a limit on file locks that nobody would set.
    """
    # FNV-1a: the same in the daemon and in the watchdog, and nothing to import.
    found = 0xCBF29CE484222325
    for byte in cookie.encode():
        found = (found ^ byte) * 0x100000001B3 % 2**64
    return 2**61 + found % 2**61


def read_mark(pid: int) -> int | None:
    """
    The mark that a process bears, or `None`.
    """
    try:
        limits = _read(f"/proc/{pid}/limits")
    except OSError:
        return None
    fields = limits.partition(_MARK_LINE)[2].split(maxsplit=1)
    return int(fields[0]) if fields and fields[0].isdigit() else None


def daemon_name() -> str:
    """
    What the cookies of this process's models begin with: its pid namespace, its
    pid, and when it started, so that no later process is taken for it.
    """
    pid = os.getpid()
    entry = read_entry(pid)
    return f"{_pid_namespace()}.{pid}.{entry.started if entry else 0}"


def _pid_namespace() -> str:
    try:
        # "pid:[4026531836]"
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return "0"


def dead_daemon(cookie: str, table: Table) -> str | None:
    """
    The name of the daemon that a cookie belongs to, if that is gone.

    What a container's daemon started shows here with pids that mean nothing
    here: a cookie of another pid namespace says nothing.
    """
    namespace, pid, started, *rest = [*cookie.split("."), "", "", ""]
    if not any(rest) or namespace != _pid_namespace():
        return None
    if not (pid.isdecimal() and started.isdecimal()):
        return None
    daemon = table.get(int(pid))
    if daemon is not None and daemon.started == int(started):
        return None
    return f"{namespace}.{pid}.{started}"
