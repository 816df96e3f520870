"""A process of its own for each system: what is measured, and how, is the same for all.

Run as `python -m benchmarks.one_system SYSTEM index|open FOLDER STARTED`: the orders are in the
folder, the figures are written there, and STARTED is when the process was started (UNIX time).
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.orders import AT_ONCE, HITS, Asked, Indexed, Opened, Orders, read, write
from benchmarks.systems import SYSTEMS, System, go_offline

_WARM_UP = 5
_BURSTS = 5


def main(name: str, step: str, folder: Path, started: float) -> None:
    """Do one step with one system."""
    go_offline()
    orders = read(Orders, folder / "orders.json")
    own = folder / name
    own.mkdir(exist_ok=True)
    system = SYSTEMS[name](orders.model, own)
    if step == "index":
        write(measure_index(system, orders), own / "index.json")
    else:
        write(measure_open(system, orders, started), own / "open.json")


def measure_index(system: System, orders: Orders) -> Indexed:
    """See how often the first hit is right; then index for the times, and ask."""
    # First, so that it serves as the warm-up.
    system.index(orders.known_texts)
    right = _first_hits_right(system, orders.known)
    asked = orders.asked[:AT_ONCE]
    seconds = _seconds(lambda: system.index(orders.texts))
    peak = peak_memory()
    for question in asked[:_WARM_UP]:
        system.search(question, HITS)
    questions = []
    for question in orders.asked:
        begun = time.perf_counter()
        system.search(question, HITS)
        questions.append(time.perf_counter() - begun)
    bursts = [_seconds(lambda: system.search_many(asked, HITS)) for _ in range(_BURSTS)]
    return Indexed(
        versions={package: version(package) for package in system.packages},
        prompts=system.prompts,
        many=system.many,
        seconds=seconds,
        peak=peak,
        questions=tuple(questions),
        burst=statistics.median(bursts),
        right=_share(right),
        right_same=_share([each for each in right if not each[1].across]),
        right_across=_share([each for each in right if each[1].across]),
    )


def measure_open(system: System, orders: Orders, started: float) -> Opened:
    """Answer from the index that `measure_index` has left."""
    system.open()
    system.search(orders.asked[0], HITS)
    first_answer = time.time() - started
    for question in orders.asked:
        system.search(question, HITS)
    system.search_many(orders.asked[:AT_ONCE], HITS)
    return Opened(first_answer=first_answer, memory=memory_now(), peak=peak_memory())


def peak_memory() -> float:
    """Return the most memory that this process has had, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def memory_now() -> float:
    """Return the memory that this process has now, in megabytes."""
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)


def _first_hits_right(system: System, known: Sequence[Asked]) -> list[tuple[bool, Asked]]:
    found = system.search_many([each.text for each in known], HITS)
    return [
        (bool(hits) and hits[0] in each.right, each)
        for each, hits in zip(known, found, strict=True)
    ]


def _share(right: Sequence[tuple[bool, Asked]]) -> float | None:
    return statistics.mean(float(is_right) for is_right, _ in right) if right else None


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
