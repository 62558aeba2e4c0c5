"""The random sample of T7b: people count, districts get their share, the seed is all there is."""

from collections import Counter

import pytest

from collector.imports.audit import Candidate, drawn
from collector.imports.errors import AuditError
from collector.imports.store import Draw, ImportStore


def cells(count, *, district="660", population=10.0, lon=107.0):
    return [
        Candidate(district, 12.0 + 0.001 * n, lon, 100.0, population + n % 3) for n in range(count)
    ]


def test_the_same_seed_draws_the_same_sample_whatever_the_order():
    candidates = cells(500)
    first = drawn(candidates, draws=59, seed=42)
    assert first == drawn(list(reversed(candidates)), draws=59, seed=42)
    assert first != drawn(candidates, draws=59, seed=43)
    assert [cell.number for cell in first] == list(range(1, len(first) + 1))
    assert [cell.lat_deg for cell in first] == sorted(
        (cell.lat_deg for cell in first), reverse=True
    )


def test_every_draw_is_counted_also_where_a_square_is_met_twice():
    found = drawn(cells(3), draws=59, seed=1)
    assert len(found) == 3
    assert sum(cell.hits for cell in found) == 59


def test_a_square_is_drawn_as_often_as_people_live_in_it():
    candidates = [
        Candidate("660", 12.0, 107.0, 100.0, 900.0),
        Candidate("660", 12.1, 107.0, 100.0, 100.0),
        Candidate("660", 12.2, 107.0, 100.0, 0.0),
    ]
    hits: Counter[float] = Counter()
    for seed in range(200):
        for cell in drawn(candidates, draws=50, seed=seed):
            hits[cell.lat_deg] += cell.hits
    assert hits[12.0] / hits.total() == pytest.approx(0.9, abs=0.01)
    assert 12.2 not in hits


def test_each_district_gets_draws_by_its_people():
    candidates = [
        *cells(100, district="660", population=30.0),
        *cells(100, district="661", population=10.0, lon=107.1),
        *cells(1, district="662", population=1.0, lon=107.2),
    ]
    hits: Counter[str] = Counter()
    for cell in drawn(candidates, draws=59, seed=9):
        hits[cell.district] += cell.hits
    assert hits.total() == 59
    assert hits["660"] == pytest.approx(59 * 3099 / 4199, abs=1)
    assert hits["661"] == pytest.approx(59 * 1099 / 4199, abs=1)


def test_nobody_to_draw_from_is_said():
    with pytest.raises(AuditError, match="nobody lives in the declared coverage"):
        drawn([Candidate("660", 12.0, 107.0, 100.0, 0.0)], draws=59, seed=1)


def test_a_draw_is_on_record_with_its_seed_and_squares(tmp_path):
    draw = Draw(
        operator="Viettel",
        technology="5g",
        period="2026-Q4",
        utc_us=1_790_787_600_000_000,
        drawn_utc="2026-11-23T05:00:00+00:00",
        seed=42,
        cells=59,
        ground_sha256="abc",
    )
    found = drawn(cells(500), draws=59, seed=42)
    with ImportStore(tmp_path / "imports.db") as store:
        assert store.add_draw(draw, found).id == 1
        assert store.add_draw(draw, found).id == 2
        assert [one.seed for one in store.draws()] == [42, 42]
        assert tuple(store.drawn(2)) == found
