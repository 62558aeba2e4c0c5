"""Mean upload rate of one generation of radio (QCVN 81:2019 and 126:2021, clause 2.1.5).

What counts, and how it is averaged, is as for `mean_download`: only the direction differs.
"""

from collections.abc import Sequence

from collector.kpi import Extract, Ground, Measured, Period, Source, Text, mean_download

TITLE = Text(vi="Tốc độ tải lên trung bình", en="Mean upload rate")
UNIT = mean_download.UNIT
HIGHER_IS_BETTER = True
TOGETHER = mean_download.TOGETHER
TABLES = ("throughput",)

Parameters = mean_download.Parameters


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Capacity tests, upwards."""
    return mean_download.extracts(ground=ground, parameters=parameters, direction="up")


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators together."""
    return mean_download.measure(
        source,
        ground=ground,
        levels=levels,
        period=period,
        threshold=threshold,
        parameters=parameters,
        direction="up",
    )
