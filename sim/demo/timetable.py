"""What happens when during a demo's drive, from how long it may take."""

from typing import NamedTuple

import msgspec

from sim.world import World

SETTLE_S = 8.0
"""From the start of the probe to the start of its drive: modems and receiver come up."""
DRAIN_S = 24.0
"""From the end of the drive to the end of the probe: the last rows are delivered."""
USUAL_S = 180.0
SHORTEST_S = 112.0
OUTAGE_S = 60.0
OUTAGE_SHARE = 0.52
"""Of the drive, at most."""
OUTAGE_START_SHARE = 0.3
BROKER_KILL_SHARE = 0.35
"""Of what is left of the drive after the outage."""
AFTER_GAP_M = 250.0
FASTEST_M_S = 30.0


class TooShortError(ValueError):
    """The drive through the planted gap does not fit."""

    def __init__(self, for_s: float) -> None:
        """Keep what was asked for."""
        super().__init__(f"{for_s:g} s is too short for a drive; at least {SHORTEST_S:g} s")
        self.for_s = for_s


class Timetable(NamedTuple):
    """Times in seconds from the start of the drive."""

    drive_s: float
    outage_start_s: float
    outage_s: float
    broker_kill_s: float
    speed_m_s: float
    end_m: float
    """Where on its road the drive ends."""

    @property
    def outage_end_s(self) -> float:
        """When the uplink comes back."""
        return self.outage_start_s + self.outage_s

    @property
    def shortened(self) -> bool:
        """Whether the outage had to be shorter than it should be."""
        return self.outage_s < OUTAGE_S


def timetable(world: World, for_s: float | None, speed_m_s: float | None = None) -> Timetable:
    """The timetable of the world's drive within `for_s`; raises `TooShortError`.

    The drive ends early where there is no time for all of it, and is faster than the world says
    where even the gap would not fit.
    """
    drive = world.drive
    given_s = USUAL_S if for_s is None else for_s
    if given_s < SHORTEST_S:
        raise TooShortError(given_s)
    longest_s = given_s - SETTLE_S - DRAIN_S
    needed_m = max(gap.end_m for gap in world.gaps) + AFTER_GAP_M - drive.start_m
    speed = drive.speed_m_s if speed_m_s is None else speed_m_s
    speed = max(speed, needed_m / longest_s)
    if speed > FASTEST_M_S:
        raise TooShortError(given_s)
    drive_s = min(longest_s, (drive.end_m - drive.start_m) / speed)
    outage_s = min(OUTAGE_S, OUTAGE_SHARE * drive_s)
    outage_start_s = OUTAGE_START_SHARE * drive_s
    left_s = drive_s - outage_start_s - outage_s
    broker_kill_s = outage_start_s + outage_s + BROKER_KILL_SHARE * left_s
    return Timetable(
        drive_s=drive_s,
        outage_start_s=outage_start_s,
        outage_s=outage_s,
        broker_kill_s=broker_kill_s,
        speed_m_s=speed,
        end_m=drive.start_m + speed * drive_s,
    )


def fitted(world: World, table: Timetable, t0_unix_s: float) -> World:
    """The world with its drive as the timetable has it, starting at a time."""
    drive = msgspec.structs.replace(world.drive, speed_m_s=table.speed_m_s, end_m=table.end_m)
    return msgspec.structs.replace(world, drive=drive, t0_unix_s=t0_unix_s)
