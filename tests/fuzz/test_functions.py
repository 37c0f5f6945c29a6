"""Every public function with good, disguised and odd arguments."""

import pytest
from fuzz.entries import entry_of, public, told
from fuzz.law import outcome, same
from fuzz.strategies import forms, odd, round_to_single
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("elsewhere")


def good(data, function, entry, arguments):
    """Good arguments are not refused, though a stiff flow may want more steps than it is given."""
    result = outcome(function, arguments)
    refused = isinstance(result, Exception) and "max_steps" not in str(result)
    assert entry.refuses or not refused, f"{result!r} for {arguments}"


def disguised(data, function, entry, arguments):
    """The same numbers in another form, such as float32, have the same answer."""
    arguments = {name: round_to_single(value) for name, value in arguments.items()}
    others = {name: data.draw(st.sampled_from(forms(v)))(v) for name, v in arguments.items()}
    wanted, found = outcome(function, arguments), outcome(function, others)
    refused = isinstance(found, TypeError) and not isinstance(wanted, TypeError)
    assert refused or same(wanted, found), f"{found} of {others}, but {wanted} of {arguments}"


def strange(data, function, entry, arguments):
    """One or two arguments that are odd are answered or refused."""
    names = st.sampled_from([name for name in arguments if name != "self"])
    for name in data.draw(st.lists(names, min_size=1, max_size=2, unique=True)):
        arguments[name] = data.draw(odd(arguments[name]))
    outcome(function, arguments)


@pytest.mark.parametrize(("function", "kind"), public().items(), ids=map(told, public()))
def test_law(function, kind, examples):
    entry = entry_of(function, kind)

    @examples(entry.share)
    @given(entry.arguments, st.data())
    def obeyed(arguments, data):
        ways = [good]
        if entry.checked and arguments.keys() - {"self"}:
            ways = [good, disguised, strange, strange]
        data.draw(st.sampled_from(ways))(data, function, entry, arguments)

    obeyed()
