"""What operators declare: of operators that there are, and where the province is."""

from collections import Counter
from collections.abc import Sequence

from collector.geo.checks.checked import (
    Checked,
    duplicates,
    outside,
    shortened,
    unknown_operators,
)
from collector.geo.declared import CoverageProperties, SiteProperties
from collector.geo.ellipsoid import area_km2
from collector.geo.geojson import Feature
from collector.geo.surroundings import Surroundings


def check_coverage(
    features: Sequence[Feature[CoverageProperties]], around: Surroundings
) -> Checked:
    """Operators that are known; square kilometres by operator and technology."""
    figures: dict[str, float] = {}
    for feature in features:
        said = feature.properties
        key = f"{said.operator} {said.technology} (km2)"
        figures[key] = figures.get(key, 0.0) + float(area_km2(feature.geometry))
    return Checked(shortened(unknown_operators(features, around)), figures)


def check_sites(features: Sequence[Feature[SiteProperties]], around: Surroundings) -> Checked:
    """Sites once; those outside are told; how many of each operator and technology."""
    findings = [
        *shortened(unknown_operators(features, around)),
        *shortened(duplicates(features, _site, "operator, code and technology")),
        *shortened(outside(features, around)),
    ]
    counts = Counter(
        f"{feature.properties.operator} {feature.properties.technology or 'not said'}"
        for feature in features
    )
    return Checked(tuple(findings), {key: float(count) for key, count in counts.items()})


def _site(said: SiteProperties) -> tuple[str | None, ...]:
    return said.operator, said.code, said.technology
