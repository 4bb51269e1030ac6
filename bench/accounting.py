"""A process's costs, read from outside it and from the scheduler's own books."""
from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load import send_cost_us

YARDSTICK_SENDS: Final = 5000
_PROCESS_CLOCK: Final = 2  # CPUCLOCK_SCHED in clock_getcpuclockid(3): what the scheduler counted, in nanoseconds


@dataclass(frozen=True)
class Usage:
    """Of all threads since the process began. `cpu_ns` is exact; the ticks are what the kernel's clock happened to see,
    good for the ratio of user and system time only."""

    cpu_ns: int
    user_ticks: int
    system_ticks: int
    thread_cpu_ns: int
    """Of the one thread that was named."""
    other_wakeups: int
    """Times that any other thread got up from waiting."""

    def since(self, before: Usage) -> Usage:
        return Usage(*(getattr(self, name) - getattr(before, name) for name in self.__dataclass_fields__))


def read_usage(pid: int, thread_id: int) -> Usage:
    """Linux only. Exact while the threads wait; raises OSError when there is no such process or thread."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tasks = Path(f"/proc/{pid}/task")
    return Usage(
        cpu_ns=time.clock_gettime_ns(~pid << 3 | _PROCESS_CLOCK),
        user_ticks=int(fields[11]),
        system_ticks=int(fields[12]),
        thread_cpu_ns=int((tasks / str(thread_id) / "schedstat").read_text().split()[0]),
        other_wakeups=sum(_wakeups(task) for task in tasks.iterdir() if task.name != str(thread_id)),
    )


def _wakeups(task: Path) -> int:
    found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def yardstick_us(core: int) -> float:
    """What one plain send() of a packet costs on that core now: nothing that forwards can be judged without it."""
    home = os.sched_getaffinity(0)
    udp = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*udp) as unread, socket.socket(*udp) as sock:
        unread.bind(("127.0.0.1", 0))
        sock.connect(unread.getsockname())
        os.sched_setaffinity(0, {core})
        try:
            return send_cost_us(sock, YARDSTICK_SENDS)
        finally:
            os.sched_setaffinity(0, home)


def choose_cores() -> tuple[int, int]:
    """One for the server and one for everything else; the same twice when there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]
