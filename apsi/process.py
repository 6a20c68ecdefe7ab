"""Which process left a record, and whether it still runs: told without the clock, which can be set."""

import psutil


def identity(process: psutil.Process | None = None) -> list[float]:
    """Its id, when it began, and how long after the machine that was; of this process unless another is given."""
    process = process or psutil.Process()
    created = process.create_time()
    return [process.pid, created, created - psutil.boot_time()]


def is_alive(pid: float, created: float, after_boot: float | None = None) -> bool:
    """Whether the process of an `identity` still runs; what an older apsi recorded lacks the last figure."""
    try:
        _, now_created, now_after_boot = identity(psutil.Process(int(pid)))
    except psutil.NoSuchProcess:
        return False
    if after_boot is None:
        return abs(now_created - created) < 1
    return abs(now_after_boot - after_boot) < 1
