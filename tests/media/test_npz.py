"""Looks are read back as numpy itself reads them; anything else is refused."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.npz import read_npz

ARRAYS = {
    "words": np.array(["JPEG", "turned upright"]),
    "size": np.array([1024, 768]),
    "number": np.array(7),
    "none": np.empty((0, 32), np.uint8),
    "points": np.arange(12, dtype=np.float32).reshape(6, 2),
    "codes": np.arange(32, dtype=np.uint64).reshape(8, 4),
}


def packed(save=np.savez, **arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def test_every_array_is_what_numpy_reads() -> None:
    data = packed(**ARRAYS)
    found = read_npz(data)
    with np.load(io.BytesIO(data)) as own:
        assert list(found) == own.files
        for name in own.files:
            assert (found[name].dtype, found[name].shape) == (own[name].dtype, own[name].shape)
            assert np.array_equal(found[name], own[name])
            assert found[name].flags.writeable and found[name].flags.aligned


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packed(np.savez_compressed, **ARRAYS),
        packed(one=np.array([{}], object)),
        packed(one=np.asfortranarray(np.ones((2, 3)))),
    ],
    ids=["nothing", "compressed", "objects", "columns"],
)
def test_what_is_not_read_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an|not found"):
        read_npz(data)


@given(st.binary(max_size=40), st.integers(0, 2000), st.booleans())
def test_damaged_bytes_give_arrays_or_a_value_error(noise: bytes, place: int, is_cut: bool) -> None:
    whole = bytearray(packed(**ARRAYS))
    at = place % len(whole)
    whole[at : at + len(noise)] = noise
    try:
        found = read_npz(bytes(whole[:at] if is_cut else whole))
    except ValueError:
        return
    assert all(isinstance(one, np.ndarray) for one in found.values())
