import numpy as np
import pytest

from decan.core.testing import needs_data
from decan.pulx import EventList, search_z
from decan.pulx.archive import DATASETS
from decan.pulx.statistics import z_direct


@needs_data(DATASETS, "ngc300_ulx1")
def test_z_equals_the_direct_sum_on_a_real_list():
    events = DATASETS.load("ngc300_ulx1")
    search = search_z(events, 0.02, 1.0)
    rows = np.random.default_rng(0).integers(0, len(search.values), 300)
    direct = z_direct(events.times - events.span / 2, search.frequency[rows])
    assert np.max(np.abs(direct - search.values[rows])) < 1e-6


def test_touching_intervals_are_one_and_every_event_is_kept_once():
    times = np.linspace(0.001, 0.999, 50)
    events = EventList.from_times(times, gti=[[0, 0.1 + 0.2], [0.3, 1.0]])
    assert len(events) == 50
    assert events.exposure == pytest.approx(1.0)
    assert events.notes == ()
