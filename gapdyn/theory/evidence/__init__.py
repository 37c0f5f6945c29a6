"""Evidence for the audit: one file per group of statements, one function per statement.

Each function takes `full`, whether to draw more, and returns an `Evidence`: whether what was seen
agrees with the recorded verdict, and a sentence that says what was seen, over what, with which
seed. Numbers at the level of rounding are said to be below a bound, so that the sentence is the
same on every machine.
"""

from typing import NamedTuple


class Evidence(NamedTuple):
    """What a check saw.

    Attributes
    ----------
    confirmed : bool
        Whether it agrees with the verdict on record.
    text : str
        What was seen.
    """

    confirmed: bool
    text: str
