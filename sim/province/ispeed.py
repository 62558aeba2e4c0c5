"""Samples as the public i-Speed service would hand them over: one CSV a month, and a mapping.

Target A5 counts them by commune. Before 1 July 2025 they carry old codes, since then new ones.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sim.province.areas import MERGED_FROM, NEW_SET, OLD_SET, Areas
from sim.province.operators import ALL_TOGETHER, OPERATORS
from sim.province.scenario import LOCAL, Month, Scenario
from sim.province.truth import FAIL, PASS, Expected

TARGET = "A5"
LEAST_SAMPLES = 300
COUNTS = (340, 300, 320, 299, 410, 305, 360, 150, 330, 301, 380, 345)
"""Samples of a commune in a month, by turns."""
HEADINGS = (
    "Mã mẫu",
    "Thời gian",
    "Mã xã",
    "Vĩ độ",
    "Kinh độ",
    "Nhà mạng",
    "Công nghệ",
    "Tải xuống (Mbps)",
    "Tải lên (Mbps)",
    "Ping (ms)",
)
_MAPPING = """\
# What the columns of the CSV files beside this one mean.
# The codes in them changed on 1 July 2025, so the positions tell the commune.
kind = "ispeed"
series = "province-ispeed"
source = "Planted samples"

[file]
encoding = "utf-8"
delimiter = ";"
decimal = ","

[time]
format = "%d/%m/%Y %H:%M:%S"
zone = "+07:00"

[columns]
sample = "Mã mẫu"
time = "Thời gian"
lat_deg = "Vĩ độ"
lon_deg = "Kinh độ"
operator = "Nhà mạng"
technology = "Công nghệ"
download = "Tải xuống (Mbps)"
upload = "Tải lên (Mbps)"
ping = "Ping (ms)"

[units]
download = "Mbit/s"
upload = "Mbit/s"
ping = "ms"

[values.technology]
"4G" = "4g"
"""


def samples(number: int, month: Month) -> int:
    """How many a commune has in a month; `number` is its place in the list of all 71."""
    return COUNTS[(number * 5 + month.number * 3) % len(COUNTS)]


def write_ispeed(folder: Path, scenario: Scenario, areas: Areas) -> None:
    """A file for each month, of all communes."""
    folder.mkdir(exist_ok=True)
    (folder / "mapping.toml").write_text(_MAPPING, encoding="utf-8")
    merged = {part: one.code for one in areas.merged for part in one.parts}
    for month in scenario.months:
        dice = np.random.default_rng([scenario.seed, 9, month.number])
        new = month.first.isoformat() >= MERGED_FROM
        path = folder / f"ispeed-{month.label}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file, delimiter=";")
            rows.writerow(HEADINGS)
            for number, commune in enumerate(areas.communes):
                count = samples(number, month)
                seconds = np.sort(dice.integers(0, month.days * 86_400, count)).tolist()
                rates = dice.lognormal(3.8, 0.5, count).tolist()
                start_ms = month.at_ms(1, 0)
                for index, (second, rate) in enumerate(zip(seconds, rates, strict=True)):
                    at = datetime.fromtimestamp(start_ms / 1000, UTC) + timedelta(seconds=second)
                    rows.writerow(
                        (
                            f"{month.label}-{commune.code}-{index:04}",
                            f"{at.astimezone(LOCAL):%d/%m/%Y %H:%M:%S}",
                            merged[commune.code] if new else commune.code,
                            _comma(commune.lat_deg, 5),
                            _comma(commune.lon_deg, 5),
                            OPERATORS[index % len(OPERATORS)].name,
                            "4G",
                            _comma(rate, 2),
                            _comma(rate / 3, 2),
                            _comma(35.0, 1),
                        )
                    )


def expected_samples(scenario: Scenario, areas: Areas) -> Iterator[Expected]:
    """A5 in every commune, by both boundary sets; it is counted, so it is always decidable."""
    numbers = {one.code: number for number, one in enumerate(areas.communes)}
    for month in scenario.months:
        for code, number in numbers.items():
            yield _expected(OLD_SET, code, month, samples(number, month))
        if month.first.isoformat() >= MERGED_FROM:
            for one in areas.merged:
                count = sum(samples(numbers[part], month) for part in one.parts)
                yield _expected(NEW_SET, one.code, month, count)


def _expected(boundary_set: str, code: str, month: Month, count: int) -> Expected:
    return Expected(
        target=TARGET,
        boundary_set=boundary_set,
        level="commune",
        code=code,
        operator=ALL_TOGETHER,
        period=month.label,
        value=float(count),
        threshold=float(LEAST_SAMPLES),
        decidable=PASS if count >= LEAST_SAMPLES else FAIL,
        chance=1.0,
        n=count,
    )


def _comma(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")
