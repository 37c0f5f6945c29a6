import numpy as np
import pytest
from conftest import interrupted, make

import gapdyn as gd
from gapdyn.interrupt import was_interrupted


def test_an_interrupted_flow_is_told_from_a_failed_one():
    model, y0 = make("free", gd.Scheduled(interrupted))
    with pytest.raises(gd.IntegrationError) as caught:
        gd.flow(model, y0, 10.0)
    assert was_interrupted(caught.value)
    try:
        raise RuntimeError("mine") from caught.value
    except RuntimeError as error:
        assert was_interrupted(error)
    assert was_interrupted(KeyboardInterrupt())
    assert not was_interrupted(None)
    model, y0 = make("free", gd.Scheduled(lambda t: 0.3 if t < 1 else np.nan))
    with pytest.raises(gd.IntegrationError) as caught:
        gd.flow(model, y0, 10.0)
    assert not was_interrupted(caught.value)


def test_causes_in_a_circle_come_to_an_end():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert not was_interrupted(first)
