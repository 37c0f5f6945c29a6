"""Tell Ctrl-C from a failure."""

from __future__ import annotations


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an exception is a KeyboardInterrupt, or was raised because of one.

    A flow that is interrupted raises an `IntegrationError`, which keeps its trajectory. What calls
    flows and goes on after a failure asks here, so that it stops instead.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
