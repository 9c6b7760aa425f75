"""Ctrl-C as a flag that the loop reads between two steps."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "catching_interrupt"]


class Interrupt:
    """Whether Ctrl-C was pressed since the loop began.

    Examples
    --------
    >>> Interrupt().pressed
    False
    """

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the second stops at once, for a step that hangs."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        print("Stopping after this step; press Ctrl-C again to stop at once.", file=sys.stderr)


@contextmanager
def catching_interrupt() -> Iterator[Interrupt]:
    """Turn Ctrl-C into a flag, so that no optimiser step is left half done.

    Yields
    ------
    Interrupt
        Its ``pressed`` turns true. Only the main thread can catch signals;
        elsewhere the flag stays false and nothing changes.

    Examples
    --------
    >>> with catching_interrupt() as interrupt:
    ...     interrupt.pressed
    False
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
