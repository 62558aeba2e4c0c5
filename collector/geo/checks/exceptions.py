"""Exceptions: each lies on a road that there is."""

from collections.abc import Iterator, Sequence

from collector.geo.checks.checked import Checked, shortened, unknown_operators
from collector.geo.exceptions import Stretch
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.layer import overlap
from collector.geo.roads import MAX_OFFSET_M
from collector.geo.surroundings import Surroundings


def check(features: Sequence[Feature[Stretch]], around: Surroundings) -> Checked:
    """Every stretch has a length and lies on its road; their lengths together."""
    findings = [
        *shortened(_off_road(features, around)),
        *shortened(unknown_operators(features, around)),
    ]
    figures: dict[str, float] = {}
    for feature in features:
        said = feature.properties
        key = f"{said.kind} on {said.road} (m)"
        figures[key] = figures.get(key, 0.0) + said.to_m - said.from_m
    return Checked(tuple(findings), figures)


def _off_road(features: Sequence[Feature[Stretch]], around: Surroundings) -> Iterator[Finding]:
    roads = around.roads_now().lines
    for feature in features:
        said = feature.properties
        if said.to_m <= said.from_m:
            text = f"from_m {said.from_m:g} is not before to_m {said.to_m:g}"
            yield Finding(feature.place, text, fatal=True)
            continue
        own = [line for line in roads if line.road == said.road and overlap(line, said) is not None]
        if not own:
            known = ", ".join(sorted({line.road for line in roads})) or "none yet"
            text = f"no road is called {said.road!r} on these days; there are: {known}"
            yield Finding(feature.place, text, fatal=True)
        elif said.to_m > min(line.length_m for line in own) + MAX_OFFSET_M:
            text = (
                f"to_m {said.to_m:,.0f} is beyond the end of {said.road}, which is"
                f" {min(line.length_m for line in own):,.0f} m long"
            )
            yield Finding(feature.place, text, fatal=True)
