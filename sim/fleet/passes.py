"""Whole drives along the demo roads, every modem looked at once a second.

What a modem hears is `sim.world.radio` at the place and second, so the fleet finds the planted gap
where a live probe finds it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from random import Random

import numpy as np

from sim.fleet.month import LOCAL
from sim.fleet.vehicle import Vehicle, fix
from sim.world import Road, World
from sim.world.radio import RadioMap
from sim.world.route import metres_per_degree
from wire.messages import AnyMeasurement, Outcome

SPEED_M_S = 20.0
START = time(8)
"""Local time."""
_WANDER_M = 1.5
_MODEM_OFFSET_S = 0.2
"""Modems of one probe are not asked at the same instant."""


def pass_records(
    world: World, radio: RadioMap, vehicle: Vehicle, road: Road, day: date, *, upwards: bool
) -> Iterator[AnyMeasurement]:
    """What a vehicle makes on one drive over a whole road, not numbered and not in order."""
    start = datetime.combine(day, START, LOCAL).astimezone(UTC)
    yield from vehicle.boot(datetime.fromtimestamp(start.timestamp() - 60, UTC))
    length_m = road.route.length_m
    seconds = np.arange(0.0, length_m / SPEED_M_S)
    chainage_m = seconds * SPEED_M_S if upwards else length_m - seconds * SPEED_M_S
    lat, lon = road.route.lat_lon(chainage_m)
    lat_m, lon_m = metres_per_degree(float(lat[0]))
    dice = np.random.default_rng([round(start.timestamp()), len(seconds)])
    lat = lat + dice.uniform(-_WANDER_M, _WANDER_M, len(lat)) / lat_m
    lon = lon + dice.uniform(-_WANDER_M, _WANDER_M, len(lon)) / lon_m
    errors = Random(str(start))  # noqa: S311  # a simulation, not a secret
    positions = [
        fix(float(lat[i]), float(lon[i]), error_m=errors.uniform(2.5, 6.0), speed_m_s=SPEED_M_S)
        for i in range(len(seconds))
    ]
    for number, operator in enumerate(world.operators):
        at = start.timestamp() + seconds + number * _MODEM_OFFSET_S
        survey = radio.survey(operator.plmn, lat, lon, at)
        for i, unix_s in enumerate(at):
            heard = survey.payload(i, neighbours=False)
            yield vehicle.record(
                "radio",
                datetime.fromtimestamp(float(unix_s), UTC),
                payload=heard,
                outcome=Outcome.NO_SERVICE if heard.serving is None else Outcome.OK,
                reason="registration: searching" if heard.serving is None else None,
                position=positions[i],
                plmn=operator.plmn,
            )


def pass_rows(world: World, road: Road) -> int:
    """How many radio rows one drive over the road makes."""
    return len(np.arange(0.0, road.route.length_m / SPEED_M_S)) * len(world.operators)
