"""The reference page names every shipped profile and every key of a profile."""

from pathlib import Path

import pytest

from drivers.traffic import LatencyProfile, ThroughputProfile, VideoProfile
from drivers.traffic.profile import EarlyStop, Paced
from tests.unit.drivers.traffic.ends import PROFILES

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "traffic-tests.md"


@pytest.mark.parametrize(
    "word",
    [
        *(file.stem for file in PROFILES.glob("*.toml")),
        *(
            field
            for profile in (ThroughputProfile, EarlyStop, VideoProfile, Paced, LatencyProfile)
            for field in profile.__struct_fields__
            if field != "name"
        ),
    ],
)
def test_the_page_names_it(word):
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")
