"""What two outlines share, also when their edges nearly coincide."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.media.placed import area, common, corners, mirror, moved

FRAME = corners(1.0, 0.5625)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_nearly_the_same_outline_shares_nearly_all(seed: int, digits: int) -> None:
    away = 10.0**-digits
    other = FRAME + np.random.default_rng(seed).uniform(-away, away, FRAME.shape)
    size, shape = common(other, FRAME)
    assert shape is not None and abs(size - area(FRAME)) <= 4 * away


def test_what_is_shared_is_exact_whichever_way_round() -> None:
    shifted = moved(np.array([[1, 0, 0.25], [0, 1, 0.0625]]), FRAME)
    for first, second in ((FRAME, shifted), (shifted, FRAME), (FRAME[::-1], shifted), (mirror(FRAME, 1.0), shifted)):
        size, shape = common(first, second)
        assert shape is not None and abs(size - 0.75 * 0.5) < 1e-12 and abs(area(shape) - size) < 1e-12
    inner = FRAME * 0.5 + 0.1
    assert abs(common(inner, FRAME)[0] - area(inner)) < 1e-12
    assert common(FRAME, moved(np.array([[1, 0, 2.0], [0, 1, 0]]), FRAME)) == (0.0, None)
