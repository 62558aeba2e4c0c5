"""The world that all simulated parts share: a pure function of its file and of the time."""

from sim.world.model import (
    DEMO_GAP_LENGTH_M,
    DEMO_GAP_START_M,
    DEMO_ROAD,
    AfterDrive,
    Road,
    SimulatedModem,
    Stretch,
    UnreadableWorldError,
    World,
    demo_world,
    load_world,
    save_world,
)

__all__ = [
    "DEMO_GAP_LENGTH_M",
    "DEMO_GAP_START_M",
    "DEMO_ROAD",
    "AfterDrive",
    "Road",
    "SimulatedModem",
    "Stretch",
    "UnreadableWorldError",
    "World",
    "demo_world",
    "load_world",
    "save_world",
]
