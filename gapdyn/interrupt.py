"""Tell Ctrl-C from a failure."""

from __future__ import annotations


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an exception is a KeyboardInterrupt, or was raised because of one.

    A flow that is interrupted raises an `IntegrationError`, which keeps its trajectory. What calls
    flows and goes on after a failure asks here, so that it stops instead.
    """
    seen: set[int] = set()  # causes can go in a circle
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
