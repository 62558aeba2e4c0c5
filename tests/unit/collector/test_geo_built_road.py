"""A built road says when it is not as long as what was driven."""

import numpy as np
import pytest

from collector.geo.built_road import Built
from collector.geo.centre_line import CentreLine, Part


def built(*parts):
    """A line whose parts are so long, and were driven so far by each pass."""
    vertices = np.array([0.0, 1.0])
    line = CentreLine(
        lat_deg=vertices,
        lon_deg=vertices,
        passes=np.array([3, 3]),
        spread_m=np.array([1.0, 1.0]),
        length_m=parts[0].line_m,
        traces=3,
        parts=parts,
    )
    return Built(line, ())


def said(*parts):
    return [(one.fatal, one.problem) for one in built(*parts).findings()]


def test_a_line_as_long_as_what_was_driven_is_fine():
    assert said(Part(0.0, 5455.0, 5400.0, (5421.0, 5401.0, 5445.0))) == []


def test_a_line_that_lost_a_bend_is_refused_with_the_numbers():
    [(fatal, problem)] = said(Part(0.0, 4190.0, 4190.0, (5421.0, 5401.0, 5445.0)))
    assert fatal
    assert "the line is 4,190 m long, and 3 passes drove 5,401 to 5,445 m" in problem
    assert "--start and --end" in problem


def test_a_bend_lost_in_a_long_road_is_found_in_its_part():
    [(fatal, problem)] = said(
        Part(0.0, 50_000.0, 50_000.0, (50_600.0, 50_610.0, 50_620.0)),
        Part(0.0, 2000.0, 2000.0, (2010.0, 2000.0, 2010.0)),
        Part(2000.0, 4000.0, 2000.0, (2600.0, 2590.0, 2610.0)),
    )
    assert fatal
    assert problem.startswith("from 2,000 to 4,000 m the line is 2,000 m long")


@pytest.mark.parametrize("driven", [(5000.0, 6000.0), (5000.0, 4300.0, 5010.0)])
def test_one_pass_that_went_another_way_is_told(driven):
    [(fatal, problem)] = [
        one for one in said(Part(0.0, 5000.0, 5000.0, driven)) if "built from" not in one[1]
    ]
    assert not fatal
    assert problem.endswith("1 of the passes went another way, turned back or had holes")


def test_a_single_pass_that_is_longer_is_told():
    [(fatal, problem)] = said(Part(0.0, 5000.0, 5000.0, (6000.0,)))
    assert not fatal
    assert "1 passes drove 6,000 m" in problem


def test_a_line_that_cuts_hairpins_short_says_so():
    [(fatal, problem)] = said(Part(0.0, 4472.0, 4443.0, (4605.0, 4609.0, 4615.0)))
    assert not fatal
    assert problem.endswith("bends may be cut short, and gaps then look shorter than they are")


def test_a_part_that_no_pass_has_whole_is_not_compared():
    assert said(Part(0.0, 5000.0, 5000.0, ())) == []
