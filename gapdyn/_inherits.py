"""What is known of a class of gapdyn's holds for a subclass that does not change it."""

from __future__ import annotations


def inherits(thing: object, kind: type, *methods: str) -> bool:
    """Whether an object has these methods from a class of gapdyn's, and none of the user's own."""
    return all(getattr(type(thing), name) is getattr(kind, name) for name in methods)
