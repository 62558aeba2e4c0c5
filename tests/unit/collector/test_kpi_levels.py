"""Which modem is off, by levels in the same cell and place."""

import numpy as np
import pytest

from collector.kpi._levels import LevelRule, compare


def levels(*offsets_db, places=30, each=3):
    """Modems 0, 1, 2 ... over the same places, each of its own strength."""
    modem, place, level = [], [], []
    for number, off_db in enumerate(offsets_db):
        for at in range(places):
            for look in range(each):
                modem.append(number)
                place.append(at)
                level.append(-100.0 - at % 7 + off_db + (look - 1))
    return compare(
        modem=np.array(modem, np.int64),
        cell=np.ones(len(modem), np.int64),
        place=np.array(place, np.int64),
        level_dbm=np.array(level, np.float64),
        rule=LevelRule(),
    )


@pytest.mark.parametrize(
    ("offsets_db", "shifted", "disputed"),
    [
        ((), {}, set()),
        ((0.0,), {}, set()),
        ((0.0, 6.0), {}, set()),
        ((0.0, 6.5), {}, {0, 1}),
        ((0.0, 1.0, -12.0), {2: -12.5}, set()),
        ((0.0, 1.0, 12.0), {2: 11.5}, set()),
        ((0.0, 0.0, -12.0, -12.0), {}, {0, 1, 2, 3}),
        ((0.0, 0.0, 0.0, -12.0, -12.0), {3: -12.0, 4: -12.0}, set()),
        ((0.0, 8.0, 16.0), {}, {0, 1, 2}),
    ],
)
def test_a_modem_is_off_only_if_more_others_agree_against_it(offsets_db, shifted, disputed):
    found = levels(*offsets_db)
    assert found.shifted_db == shifted
    assert found.disputed == disputed


def test_too_few_places_in_common_compare_nothing():
    found = levels(0.0, 0.0, -12.0, places=29)
    assert (found.shifted_db, found.disputed) == ({}, frozenset())


def test_other_cells_are_not_compared():
    places = np.tile(np.arange(40), 2)
    found = compare(
        modem=np.repeat([0, 1], 40),
        cell=np.repeat([7, 8], 40),
        place=places,
        level_dbm=np.repeat([-80.0, -110.0], 40),
        rule=LevelRule(),
    )
    assert (found.shifted_db, found.disputed) == ({}, frozenset())
