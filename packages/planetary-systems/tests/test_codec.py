import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.core.errors import SchemaError
from decan.planetary_systems import GridCodec, Systems


@given(st.integers(0, 2**31), st.sampled_from([2, 30, 240]))
@pytest.mark.bad_input(19)
def test_words_come_back_as_the_same_words(seed, n):
    rng = np.random.default_rng(seed)
    codec = GridCodec(n=n)
    systems = Systems.from_planets(
        [
            (10 ** rng.uniform(-2.5, 2.5, k), 10 ** rng.uniform(-2.5, 4.5, k))
            for k in rng.integers(0, 8, 5)
        ]
    )
    words = codec.encode(systems)
    assert [len(word) for word in words] == systems.counts.tolist()
    for within in ("uniform", "centre"):
        assert codec.encode(codec.decode(words, within=within, rng=rng)) == words


@pytest.mark.bad_input(19)
@pytest.mark.parametrize("n", [30, 141, 254])
def test_characters_never_combine_and_are_never_white(n):
    codec = GridCodec(n=n)
    for cell in (0, n * n // 2, n * n - 1):
        letter = chr(codec._first + cell)
        assert unicodedata.combining(letter) == 0
        assert not letter.isspace()
        assert not 0xD800 <= ord(letter) <= 0xDFFF
        assert len(letter.splitlines()) == 1


def test_two_planets_in_one_cell_give_two_equal_characters():
    word = GridCodec().encode(Systems.from_planets([([1.0, 1.001], [1.0, 1.001])]))[0]
    assert len(word) == 2
    assert word[0] == word[1]


@pytest.mark.bad_input(10)
def test_planets_outside_the_grid_are_clipped_and_counted():
    outside = Systems.from_planets([([1e-3, 1.0, 1e4], [1.0, 1e6, 1.0])])
    column, row, clipped = GridCodec().cells(outside)
    assert clipped == 3
    assert column.tolist() == [0, 15, 29]
    assert row[1] == 29


@pytest.mark.bad_input(18)
def test_a_codec_of_other_limits_is_refused_with_both_limits():
    ours, other = GridCodec(), GridCodec(((-1.0, 1.0), (-2.0, 4.0)))
    with pytest.raises(ValueError, match=r"log a -1 to 1.*log a -2 to 2"):
        ours.require(other)
    ours.require(GridCodec.from_json(ours.to_json()))
    with pytest.raises(SchemaError, match="no codec"):
        GridCodec.from_json('{"n": 3}')


@pytest.mark.bad_input(19)
def test_words_of_another_alphabet_are_refused():
    with pytest.raises(ValueError, match="'a' is no cell"):
        GridCodec().decode(["a"])
