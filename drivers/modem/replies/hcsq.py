"""Huawei's levels and temperatures: AT^HCSQ, AT^CERSSI and their older kin. No I/O."""

from collections.abc import Sequence
from typing import Any

from drivers.modem.fields import (
    at,
    ecio_db,
    integer,
    is_digits,
    level,
    number,
    rscp_dbm,
    rssi_dbm,
    split,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import Levels, Reading, Signal
from drivers.modem.standard import some, stepped
from wire.cells import Rat

MAX_SINR_STEP = 251
FIELDS_OF_ANQUERY_ON_LTE = 6
WITH_NR = frozenset({12, 21})
"""Numbers of fields in AT^CERSSI whose last three are of NR: of a phone, and of a module."""
FIELDS_OF_OLD_CHIPTEMP = 5
CARD = 3
"""Place of the card's temperature in those five: in whole degrees, and not of the modem."""
_TENTHS_FROM = 125
"""No chip is hotter than that many degrees; no tenths of degrees are fewer, but in frost."""
_SENSOR_C = (-40, 125)


def quality(asked: Asked) -> Reading:
    """AT^HCSQ?, asked or not: steps of each technology, from the lower bound of the interval.

    NR has RSRP, SINR and RSRQ. unverified: captures agree with the steps of LTE in RSRP to 1 dB,
    but neither in SINR nor in RSRQ, so SINR stays as printed and RSRQ is left out.
    """
    levels: dict[str, Any] = {}
    nobody = False
    for value in asked.values("^HCSQ"):
        label, *fields = _without_switches(split(value))
        match label.upper():
            case "GSM":
                levels["gsm"] = some(Levels(rssi_dbm=_power(at(fields, 0))))
            case "WCDMA":
                levels["wcdma"] = some(
                    Levels(
                        rssi_dbm=_power(at(fields, 0)),
                        rscp_dbm=_power(at(fields, 1)),
                        ecio_db=stepped(at(fields, 2), 65, -32.5, 0.5),
                    )
                )
            case "LTE":
                levels["lte"] = some(
                    Levels(
                        rssi_dbm=_power(at(fields, 0)),
                        rsrp_dbm=stepped(at(fields, 1), 97, -141, 1),
                        sinr_db=sinr_db(at(fields, 2)),
                        rsrq_db=stepped(at(fields, 3), 34, -20, 0.5),
                    )
                )
            case "NR":
                levels["nr"] = some(
                    Levels(
                        rsrp_dbm=stepped(at(fields, 0), 97, -141, 1),
                        sinr_raw=integer(at(fields, 1), 0, MAX_SINR_STEP),
                    )
                )
            case "NOSERVICE":
                nobody = True
    if not levels and not nobody:
        raise asked.unreadable()
    return Reading(signal=Signal(**levels), mode=None if levels else "no-service")


def extended(asked: Asked) -> Reading:
    """AT^CERSSI? and the ^CERSSI sent unasked, without the two switches in front (vendor manual).

    Whatever does not serve has 0; AT^CSERSSI? has the same of the NR leg of EN-DC.
    """
    for value in asked.values("^CERSSI", "^CSERSSI"):
        fields = split(value)[0 if asked.unsolicited else 2 :]
        last = fields[-3:] if len(fields) in WITH_NR else []
        signal = Signal(
            gsm=some(Levels(rssi_dbm=rssi_dbm(at(fields, 0)))),
            wcdma=some(Levels(rscp_dbm=rscp_dbm(at(fields, 1)), ecio_db=_ecio(fields[1:3]))),
            lte=_measured(Rat.LTE, fields[3:6]),
            nr=_measured(Rat.NR, last),
        )
        return Reading(signal=signal)
    raise asked.unreadable()


def wcdma(asked: Asked) -> Reading:
    """AT^CSNR?: RSCP and Ec/Io, -145 and -32 for none."""
    for value in asked.values("^CSNR"):
        fields = split(value)
        found = Levels(rscp_dbm=rscp_dbm(fields[0]), ecio_db=_ecio(fields))
        return Reading(signal=Signal(wcdma=some(found)))
    raise asked.unreadable()


def lte(asked: Asked) -> Reading:
    """AT^LTERSRP?: RSRP and RSRQ."""
    for value in asked.values("^LTERSRP"):
        fields = split(value)
        found = Levels(
            rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[0]),
            rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 1)),
        )
        return Reading(signal=Signal(lte=some(found)))
    raise asked.unreadable()


def antenna(asked: Asked) -> Reading:
    """AT^ANQUERY?: levels without their minus, and RSSI as in AT+CSQ (vendor's sources).

    unverified: six fields and 99 in the second are LTE; five, with a cell, are UTRA or GSM.
    """
    for value in asked.values("^ANQUERY"):
        fields = split(value)
        csq = integer(at(fields, 2), 0, 199)
        if csq is None:
            break
        on_lte = len(fields) >= FIELDS_OF_ANQUERY_ON_LTE and fields[1] == "99"
        found = Signal(
            csq=csq,
            rssi_dbm=stepped(fields[2], 31, -113, 2),
            lte=_measured(Rat.LTE, [f"-{text}" for text in fields[4:6]]) if on_lte else None,
            wcdma=None
            if on_lte
            else some(
                Levels(
                    rscp_dbm=rscp_dbm(f"-{fields[0]}"),
                    ecio_db=_ecio([f"-{text}" for text in fields[:2]]),
                )
            ),
        )
        return Reading(signal=found)
    raise asked.unreadable()


def power(asked: Asked) -> Reading:
    """^RSSI, sent unasked: as in AT+CSQ."""
    for value in asked.values("^RSSI"):
        first = split(value)[0]
        csq = integer(first, 0, 199)
        if csq is not None:
            return Reading(signal=Signal(csq=csq, rssi_dbm=stepped(first, 31, -113, 2)))
    raise asked.unreadable()


def temperatures(asked: Asked) -> Reading:
    """AT^CHIPTEMP?: power amplifiers and chips in tenths of degrees, 65535 and 0 for none.

    Older firmware has five: three amplifiers, the card and the battery.
    """
    for value in asked.values("^CHIPTEMP"):
        fields = split(value)
        if len(fields) == FIELDS_OF_OLD_CHIPTEMP:
            del fields[CARD]
        found = (_degrees(text) for text in fields)
        sensors = tuple(degrees for degrees in found if degrees is not None)
        return Reading(temperature_c=sensors or None)
    raise asked.unreadable()


def _without_switches(fields: Sequence[str]) -> Sequence[str]:
    """Some firmware tells two settings of the report before the technology."""
    return fields[2:] if len(fields) > 2 and is_digits(fields[0]) else fields  # noqa: PLR2004  # see above


def _power(text: str) -> float | None:
    return stepped(text, 96, -121, 1)


def sinr_db(text: str) -> float | None:
    """SINR of LTE as a step."""
    step = integer(text, 0, MAX_SINR_STEP)
    return None if step is None else round(step / 5 - 20.2, 1)


def _ecio(fields: Sequence[str]) -> float | None:
    """Ec/Io, where its RSCP is measured."""
    return None if rscp_dbm(at(fields, 0)) is None else ecio_db(at(fields, 1))


def _measured(rat: Rat, fields: Sequence[str]) -> Levels | None:
    """RSRP, RSRQ and SINR; None without an RSRP."""
    rsrp = level("rsrp_dbm", rat, at(fields, 0))
    if rsrp is None:
        return None
    return Levels(
        rsrp_dbm=rsrp,
        rsrq_db=level("rsrq_db", rat, at(fields, 1)),
        sinr_db=level("sinr_db", rat, at(fields, 2)),
    )


def _degrees(text: str) -> float | None:
    value = number(text)
    if not value:
        return None
    degrees = value / 10 if value > _TENTHS_FROM else value
    return degrees if _SENSOR_C[0] <= degrees <= _SENSOR_C[1] else None
