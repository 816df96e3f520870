"""What is done with memory by the C library and by Python."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator


def return_freed_memory() -> None:
    """Give the system back what the C library keeps of freed memory, where that is glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


@contextlib.contextmanager
def loading_what_stays() -> Iterator[None]:
    """Load modules and a model, with no search for garbage among them, neither now nor later.

    Of the imports such searches take a tenth of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
        return_freed_memory()
