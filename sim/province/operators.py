"""The four networks of the province and what a SIM of each may meet there."""

from typing import NamedTuple

from wire.messages import RatMode


class Operator(NamedTuple):
    """One network."""

    plmn: str
    name: str
    nr: RatMode | None
    """How a modem is locked to its 5G; None without any."""
    earfcn: int
    nr_arfcn: int
    gsm: bool
    """Whether its GSM carriers are on air."""
    iccid: str


OPERATORS = (
    Operator("45201", "MobiFone", RatMode.G5_NSA, 1400, 653952, True, "8984010000000000013"),
    Operator("45202", "VinaPhone", RatMode.G5_NSA, 1600, 650000, True, "8984020000000000029"),
    Operator("45204", "Viettel", RatMode.G5_SA, 1825, 510000, False, "8984040000000000041"),
    Operator("45205", "Vietnamobile", None, 3500, 0, False, "8984050000000000058"),
)
"""In the order of their PLMNs; a modem of each probe per network, in this order."""

INDEX = {operator.plmn: index for index, operator in enumerate(OPERATORS)}
FOREIGN_PLMN = "45606"
"""Heard across the border with Cambodia."""
ALL_TOGETHER = "all"
ANY = "any"
