"""What command lines share: arguments, messages, Ctrl-C and the exit status."""

from __future__ import annotations

import argparse
import atexit
import io
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

NEGATIVE = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)
"""How a negative number begins."""

IMPATIENCE = 2.0
"""Seconds after a Ctrl-C in which another one means the same."""


class Parser(argparse.ArgumentParser):
    """Arguments with errors on one line, without the usage in front, and with numbers like -1e-3.

    Those count as options for argparse before Python 3.14.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._negative_number_matcher = NEGATIVE

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [*map(str, action.choices)]
            message = f"invalid choice: {value!r}{similar(str(value), choices)}"
            raise argparse.ArgumentError(action, f"{message} (choose from {', '.join(choices)})")

    def error(self, message: str) -> NoReturn:
        """Print the message on one line and exit with status 2."""
        say(f"{self.prog}: error: {message}")
        self.exit(2)


def similar(typed: str, known: Sequence[str]) -> str:
    """A question after what was typed, if something like it is known."""
    near = get_close_matches(typed, known, n=1)
    return f", did you mean {near[0]}?" if near else ""


def say(message: str) -> None:
    """Print one line on stderr; if that cannot be written, the work goes on all the same."""
    with suppress(OSError):
        print(" ".join(message.split()), file=sys.stderr)


def attempt(program: str, command: Callable[[], int]) -> int:
    """Return the exit status of a command.

    Wrong input is one line on stderr and status 2. Ctrl-C is status 130. Output that cannot be
    written is status 2 too, but a reader who has seen enough of it gets no message, and status 1.
    """
    _prepare_streams()
    with impatient():
        try:
            try:
                return command()
            finally:
                sys.stdout.flush()  # here, where it can still be said that it fails
        except BrokenPipeError:
            return 1
        except (ValueError, TypeError, OSError, MemoryError) as error:
            say(f"{program}: error: {error}" if str(error) else f"{program}: error: out of memory")
            return 2
        except KeyboardInterrupt as interrupt:
            say(f"{program}: interrupted" + (f"; {interrupt}" if str(interrupt) else ""))
            return 130
        finally:
            _drop_unwritten()


def _prepare_streams() -> None:
    """Let closed streams take text, and terminals without Greek show it as escapes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_unwritten() -> None:
    """Drop output that cannot be written, which Python would try once more at its exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def impatient() -> Iterator[None]:
    """Take Ctrl-C that is pressed several times in a row for one, so that its work is not cut off.

    That is to write what is kept and to end processes. After a Ctrl-C this stays in force until
    Python exits, where it is ignored.
    """
    pressed = -math.inf

    def interrupt(*_: object) -> None:
        nonlocal pressed
        before, pressed = pressed, time.monotonic()
        if pressed - before >= IMPATIENCE:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    # In the background it is ignored, and stays so; and only the main thread hears of signals.
    heard = before in (signal.default_int_handler, signal.SIG_DFL)
    if not heard or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if pressed < 0:
            signal.signal(signal.SIGINT, before)
        else:
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
