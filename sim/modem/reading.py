"""The words a persona's templates can use, from what the radio model says.

A cell gives `mcc`, `mnc`, `plmn`, `cell` and `cell_hex`, `area` and `area_hex` (TAC or LAC),
`pci`, `bsic`, `arfcn`, `band`, `bandwidth_mhz`, `bandwidth_rb`, `bandwidth_code` (Quectel's),
`scs_khz`, `scs_code`, `duplex`, levels in whole dB(m) (`rsrp`, `rsrq`, `sinr`, `rssi`), in tenths
(`rsrp_tenths`, ...) and as the indexes of TS 27.007 (`rsrp_index`, ...). Other vendors' ways:
`pci_hex`, `arfcn_hex`, `ul_arfcn`, `band_02`, `mnc_short`, `bandwidth_khz`, `bandwidth_fifths`,
the steps of Huawei's HCSQ (`rssi_step`, `rsrp_step`, `sinr_step`), an LTE cell as `enb` and
`sector`, and a BSIC as `bsic_hex` or as `ncc` and `bcc`.
The NR leg's stand under the same names after `nr_`.
"""

from collections.abc import Iterable
from typing import Any

from sim.world.technology import Operator
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload

LTE_BANDWIDTH = {1.4: (0, 6), 3: (1, 15), 5: (2, 25), 10: (3, 50), 15: (4, 75), 20: (5, 100)}
"""MHz to Quectel's code and to resource blocks."""
NR_BANDWIDTH_CODE = {5: 0, 10: 1, 15: 2, 20: 3, 25: 4, 30: 5, 40: 6, 50: 7, 60: 8, 70: 9}
NR_BANDWIDTH_CODE |= {80: 10, 90: 11, 100: 12}
SCS_CODE = {15: 0, 30: 1, 60: 2, 120: 3, 240: 4}
ACCESS_TECHNOLOGY = {"gsm": "0", "lte": "7", "nr-nsa": "13", "nr-sa": "11"}
"""`<AcT>` of TS 27.007 for each mode."""
SCAN_ACCESS_TECHNOLOGY = {Rat.GSM: "0", Rat.LTE: "7", Rat.NR: "11"}


OWN_WORDS = frozenset(
    {"maker", "model", "firmware", "imei", "imsi", "iccid", "home", "name", "temperature"}
    | {"sim", "stat", "state", "registered", "served", "mode", "act"}
)
"""What is known of the modem, its card and how it is served."""


def _all_words() -> frozenset[str]:
    levels: dict[str, Any] = {
        "rsrp_dbm": -90.0,
        "rsrq_db": -10.0,
        "sinr_db": 10.0,
        "rssi_dbm": -60.0,
    }
    common: dict[str, Any] = {"mcc": "452", "mnc": "04", "cell_id": 1, "arfcn": 1600, "band": 3}
    cells = (
        Cell(rat=Rat.LTE, tac=1, pci=1, bandwidth_mhz=20.0, **common, **levels),
        Cell(rat=Rat.NR, tac=1, pci=1, bandwidth_mhz=20.0, scs_khz=30, **common, **levels),
        Cell(rat=Rat.GSM, lac=1, bsic=1, **common, **levels),
    )
    of_cells = {word for cell in cells for word in cell_values(cell)}
    return OWN_WORDS | of_cells | {f"nr_{word}" for word in of_cells}


def reading_values(reading: Payload) -> dict[str, str]:
    """Words for the serving cell, its NR leg and how the modem is served."""
    values = {"mode": reading.mode or "search"}
    if reading.serving is not None:
        values |= cell_values(reading.serving)
        values["act"] = ACCESS_TECHNOLOGY[values["mode"]]
    if reading.nr is not None:
        values |= {f"nr_{name}": text for name, text in cell_values(reading.nr).items()}
    return values


def cell_values(cell: Cell) -> dict[str, str]:
    """Words for one cell."""
    values = {
        "rat": cell.rat.value,
        "mcc": cell.mcc or "",
        "mnc": cell.mnc or "",
        "plmn": cell.plmn or "",
        "arfcn": str(cell.arfcn),
        "arfcn_hex": f"{cell.arfcn:X}",
        "band": str(cell.band),
        "band_02": f"{cell.band:02}",
        "mnc_short": str(int(cell.mnc or 0)),
        "duplex": cell.duplex or "-",
    }
    if cell.rat is Rat.LTE and cell.arfcn is not None:
        # TS 36.101 table 5.7.3-1: FDD bands have their uplink 18,000 numbers higher.
        values["ul_arfcn"] = str(cell.arfcn + (0 if cell.duplex == "TDD" else 18_000))
    if cell.cell_id is not None:
        values |= {"cell": str(cell.cell_id), "cell_hex": f"{cell.cell_id:X}"}
        values |= {"enb": str(cell.cell_id >> 8), "sector": str(cell.cell_id & 0xFF)}
    area = cell.lac if cell.rat is Rat.GSM else cell.tac
    if area is not None:
        values |= {"area": str(area), "area_hex": f"{area:X}"}
    if cell.bsic is not None:
        ncc, bcc = divmod(cell.bsic, 8)
        values |= {"bsic": str(cell.bsic), "bsic_hex": f"{cell.bsic:02X}"}
        values |= {"ncc": str(ncc), "bcc": str(bcc)}
    if cell.pci is not None:
        values |= {"pci": str(cell.pci), "pci_hex": f"{cell.pci:X}"}
    return values | _bandwidth_values(cell) | _level_values(cell)


def list_values(reading: Payload) -> dict[str, list[dict[str, str]]]:
    """Lists for repeated lines: `intra` (the serving cell first) and `inter`."""
    if reading.serving is None:
        return {"intra": [], "inter": []}
    same = [cell for cell in reading.neighbours if cell.arfcn == reading.serving.arfcn]
    other = [cell for cell in reading.neighbours if cell.arfcn != reading.serving.arfcn]
    return {
        "intra": [cell_values(cell) for cell in (reading.serving, *same)],
        "inter": [cell_values(cell) for cell in other],
    }


def scan_values(
    cells: Iterable[Cell], operators: Iterable[Operator], home: str
) -> dict[str, list[dict[str, str]]]:
    """Lists for scans: `networks` (one for each network and technology) and `scan_<rat>`."""
    names = {operator.plmn: operator.name for operator in operators}
    lists: dict[str, list[dict[str, str]]] = {f"scan_{rat}": [] for rat in Rat}
    networks = {}
    for cell in cells:
        lists[f"scan_{cell.rat}"].append(cell_values(cell))
        plmn = cell.plmn or ""
        networks[plmn, cell.rat] = {
            "network_plmn": plmn,
            "network_name": names.get(plmn, plmn),
            "network_stat": "2" if plmn == home else "3",
            "network_act": SCAN_ACCESS_TECHNOLOGY[cell.rat],
        }
    lists["networks"] = list(networks.values())
    return lists


def _bandwidth_values(cell: Cell) -> dict[str, str]:
    if cell.bandwidth_mhz is None:
        return {}
    values = {
        "bandwidth_mhz": f"{cell.bandwidth_mhz:g}",
        "bandwidth_khz": f"{cell.bandwidth_mhz * 1000:g}",
        "bandwidth_fifths": f"{cell.bandwidth_mhz * 5:g}",
    }
    if cell.rat is Rat.LTE:
        code, blocks = LTE_BANDWIDTH[cell.bandwidth_mhz]
        return values | {"bandwidth_code": str(code), "bandwidth_rb": str(blocks)}
    values["bandwidth_code"] = str(NR_BANDWIDTH_CODE[int(cell.bandwidth_mhz)])
    if cell.scs_khz is not None:
        values |= {"scs_khz": str(cell.scs_khz), "scs_code": str(SCS_CODE[cell.scs_khz])}
    return values


def _level_values(cell: Cell) -> dict[str, str]:
    values: dict[str, str] = {}
    nr = cell.rat is Rat.NR
    for name in ("rsrp", "rsrq", "sinr", "rssi"):
        level = getattr(cell, f"{name}_{'dbm' if name in {'rsrp', 'rssi'} else 'db'}")
        if level is not None:
            values[f"{name}_tenths"] = str(round(level * 10))
    if cell.rsrp_dbm is not None:
        index = cell.rsrp_dbm + (157 if nr else 141)
        values |= {
            "rsrp": str(round(cell.rsrp_dbm)),
            "rsrp_index": str(_clip(index, 126 if nr else 97)),
            "rsrp_step": str(_clip(cell.rsrp_dbm + 141, 97)),
        }
    if cell.rsrq_db is not None:
        index = 2 * (cell.rsrq_db + (43.5 if nr else 20))
        values |= {
            "rsrq": str(round(cell.rsrq_db)),
            "rsrq_index": str(_clip(index, 126 if nr else 34)),
        }
    if cell.sinr_db is not None:
        values |= {
            "sinr": str(round(cell.sinr_db)),
            "sinr_index": str(_clip(2 * (cell.sinr_db + 23.5), 127)),
            # Quectel's two other scales: X = (SINR + 20) / 2 and X = (SINR + 20) * 5.
            "sinr_half": str(_clip((cell.sinr_db + 20) / 2, 30)),
            "sinr_fifth": str(_clip((cell.sinr_db + 20) * 5, 250)),
            "sinr_step": str(_clip((cell.sinr_db + 20.2) * 5, 251)),
        }
    if cell.rssi_dbm is not None:
        values |= {
            "rssi": str(round(cell.rssi_dbm)),
            "csq": str(_clip((cell.rssi_dbm + 113) / 2, 31)),
            "rxlev_index": str(_clip(cell.rssi_dbm + 111, 63)),
            "rssi_step": str(_clip(cell.rssi_dbm + 121, 96)),
        }
    return values


def _clip(value: float, highest: int) -> int:
    return min(max(int(value // 1), 0), highest)


WORDS = _all_words()
"""Every word that a template can use; a setting of a persona has another name."""
