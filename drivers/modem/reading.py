"""What one reply says, in the field's words: the parts of a `Reading`. No I/O.

Everything is None where the reply does not speak of it, or says that there is no value. A reading
is what the modem printed, turned into units; what it means for a record is decided in `look.py`.
"""

from enum import StrEnum
from typing import Any

import msgspec

from wire.cells import Cell, Rat
from wire.kinds.radio import RegistrationState


class Role(StrEnum):
    """What a cell is to the modem that names it."""

    SERVING = "serving"
    NR_SECONDARY = "nr-secondary"
    """The NR leg of EN-DC: it has no cell identity of its own."""
    SCC = "scc"
    """A secondary carrier of an aggregation."""
    NEIGHBOUR = "neighbour"
    SCAN = "scan"
    """Found by a search over all networks."""
    MEASURED = "measured"
    """Of a list that does not tell the serving cell from its neighbours."""


class HeardCell(Cell, frozen=True, kw_only=True, omit_defaults=True):
    """A cell with its role, and with what a record has no room for.

    `mnc` is as printed: some firmware says `1` for `01`.
    """

    role: Role
    ul_bandwidth_mhz: float | None = None
    rsrp_rx_dbm: tuple[float, ...] | None = None
    """One for each receiver, where the firmware gives no other."""
    rssi_rx_dbm: tuple[float, ...] | None = None

    def recorded(self) -> Cell:
        """As in a record.

        One RSRP of many receivers is the best: TS 36.214 5.1.1 wants no less than any branch.
        """
        fields = {name: getattr(self, name) for name in Cell.__struct_fields__}
        if self.rsrp_dbm is None and self.rsrp_rx_dbm:
            fields["rsrp_dbm"] = max(self.rsrp_rx_dbm)
        if self.rssi_dbm is None and self.rssi_rx_dbm:
            fields["rssi_dbm"] = max(self.rssi_rx_dbm)
        if self.mnc is not None:
            fields["mnc"] = self.mnc.zfill(2)
        return Cell(**fields)


class Registration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One domain's answer (3GPP TS 27.007 7.2, 10.1.20, 10.1.22, 10.1.47)."""

    domain: str | None = None
    """`cs`, `ps`, `eps` or `5gs`."""
    n: int | None = None
    stat: int
    state: str
    """The words of `stat`."""
    tac: int | None = None
    lac: int | None = None
    cell_id: int | None = None
    act: int | None = None
    rat: str | None = None
    """The words of `act`."""
    cause_type: int | None = None
    reject_cause: int | None = None
    urc: bool | None = None
    """Whether it came unasked."""

    @property
    def counted(self) -> RegistrationState:
        """The state in the words of a record."""
        return COUNTED_STATES.get(self.stat, RegistrationState.UNKNOWN)

    @property
    def registered(self) -> bool:
        """Whether the network has taken us, at home or roaming."""
        return self.counted in {RegistrationState.HOME, RegistrationState.ROAMING}

    @property
    def area_code(self) -> int | None:
        """TAC or LAC, whichever the domain has."""
        return self.lac if self.tac is None else self.tac

    @property
    def cell_rat(self) -> Rat | None:
        """Technology of the serving cell."""
        return None if self.act is None else RAT_BY_ACT.get(self.act)


COUNTED_STATES = {
    0: RegistrationState.IDLE,
    1: RegistrationState.HOME,
    2: RegistrationState.SEARCHING,
    3: RegistrationState.DENIED,
    4: RegistrationState.UNKNOWN,
    5: RegistrationState.ROAMING,
    6: RegistrationState.HOME,
    7: RegistrationState.ROAMING,
    8: RegistrationState.EMERGENCY,
    9: RegistrationState.HOME,
    10: RegistrationState.ROAMING,
    11: RegistrationState.EMERGENCY,
}
"""By <stat>; 6 and 7 are "SMS only", which firmware says of CS while LTE is fully up."""

RAT_BY_ACT = {
    0: Rat.GSM,
    1: Rat.GSM,
    2: Rat.WCDMA,
    3: Rat.GSM,
    4: Rat.WCDMA,
    5: Rat.WCDMA,
    6: Rat.WCDMA,
    7: Rat.LTE,
    8: Rat.GSM,
    9: Rat.LTE,
    10: Rat.LTE,
    11: Rat.NR,
    12: Rat.NR,
    13: Rat.LTE,
}
"""By <AcT>; 13 is EN-DC, whose serving cell is LTE."""
ACT_OF_ENDC = 13


class Levels(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Levels of one technology, without a cell."""

    rssi_dbm: float | None = None
    rscp_dbm: float | None = None
    ecio_db: float | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None
    sinr_raw: float | None = None
    rssi_rx_dbm: tuple[float, ...] | None = None
    rsrp_rx_dbm: tuple[float, ...] | None = None
    rsrq_rx_db: tuple[float, ...] | None = None
    sinr_rx_db: tuple[float, ...] | None = None


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Levels by technology; the bare ones are of `rat`, or of whatever serves."""

    csq: int | None = None
    """As printed: 0 to 31, 99 for unknown."""
    rat: Rat | None = None
    rssi_dbm: float | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None
    rscp_dbm: float | None = None
    ecio_db: float | None = None
    rssi_rx_dbm: tuple[float, ...] | None = None
    rsrp_rx_dbm: tuple[float, ...] | None = None
    rsrq_rx_db: tuple[float, ...] | None = None
    sinr_rx_db: tuple[float, ...] | None = None
    gsm: Levels | None = None
    wcdma: Levels | None = None
    lte: Levels | None = None
    nr: Levels | None = None

    def of(self, rat: Rat) -> Levels | None:
        """The levels of one technology; None where none were measured."""
        if self.rat is rat:
            return Levels(
                rssi_dbm=self.rssi_dbm,
                rsrp_dbm=self.rsrp_dbm,
                rsrq_db=self.rsrq_db,
                sinr_db=self.sinr_db,
                rscp_dbm=self.rscp_dbm,
                ecio_db=self.ecio_db,
            )
        by_rat = {Rat.GSM: self.gsm, Rat.WCDMA: self.wcdma, Rat.LTE: self.lte, Rat.NR: self.nr}
        return by_rat[rat]


class Operator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The registered network (AT+COPS?)."""

    mode: int | None = None
    format: int | None = None
    name: str | None = None
    plmn: str | None = None
    mcc: str | None = None
    mnc: str | None = None
    act: int | None = None
    rat: str | None = None
    spn: str | None = None
    """Name on the card."""


class FoundOperator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One network of AT+COPS=?."""

    status: str
    """`unknown`, `available`, `current` or `forbidden`."""
    long: str | None = None
    short: str | None = None
    plmn: str | None = None
    act: int | None = None
    rat: str | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the modem and its card are."""

    manufacturer: str | None = None
    model: str | None = None
    revision: str | None = None
    svn: str | None = None
    imei: str | None = None
    imsi: str | None = None
    iccid: str | None = None
    msisdn: str | None = None


class SimCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The card."""

    state: str | None = None
    """`ready`, `pin`, `puk`, `absent`, `busy`, `failure`, or the words of the vendor."""
    simstatus: int | None = None
    report_enabled: bool | None = None
    attempts_left: dict[str, int] | None = None
    """Of `pin`, `puk`, `pin2` and `puk2`."""


class AllowedRats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the modem may use, as it is set."""

    allowed: tuple[str, ...] | None = None
    """`gsm`, `wcdma`, `lte`, `nr`, in the order of preference where there is one."""
    auto: bool | None = None
    """Whether that is all it can."""
    preferred: str | None = None
    nr_sa: bool | None = None
    nr_nsa: bool | None = None
    raw: tuple[int, ...] | None = None
    """Numbers whose meaning is not certain for this firmware."""


class Bands(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bands that are enabled."""

    gsm_mhz: tuple[int, ...] | None = None
    wcdma: tuple[int, ...] | None = None
    lte: tuple[int, ...] | None = None
    nr_nsa: tuple[int, ...] | None = None
    nr_sa: tuple[int, ...] | None = None
    mhz: tuple[int, ...] | None = None
    """Where the firmware names frequencies of any technology."""


class LockedCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell the modem is held on."""

    earfcn: int | None = None
    pci: int | None = None
    scs_khz: int | None = None
    band: int | None = None


class CellLock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cells the modem is held on; none where it is free."""

    rat: Rat | None = None
    cells: tuple[LockedCell, ...]


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A final result that is no success."""

    kind: str
    """`cme`, `cms`, `error`, or the words of the vendor's result."""
    code: int | None = None
    text: str | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One packet data context as it is defined (AT+CGDCONT)."""

    cid: int
    type: str | None = None
    apn: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Addresses of one bearer."""

    cid: int | None = None
    interface: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    netmask: str | None = None
    prefix: int | None = None
    gateway: str | None = None
    dns: tuple[str, ...] | None = None


class Bearer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Parameters of an active bearer (AT+CGCONTRDP)."""

    cid: int | None = None
    bearer_id: int | None = None
    apn: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    netmask: str | None = None
    gateway: str | None = None
    dns: tuple[str, ...] | None = None


class Aggregation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Carriers where only their number and widths are told."""

    carriers: int
    bandwidths_mhz: tuple[float, ...] | None = None
    primary_band: int | None = None


class Connected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the vendor's data call is up."""

    ipv4: bool | None = None
    ipv6: bool | None = None


class SystemInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Huawei's AT^SYSINFO and AT^SYSINFOEX, as numbers."""

    srv_status: int | None = None
    srv_domain: int | None = None
    roaming: int | None = None
    sys_mode: int | None = None
    sys_submode: int | None = None
    sim_state: int | None = None


class Raw(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers as printed."""

    raw: tuple[int, ...]


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one reply says."""

    mode: str | None = None
    """`gsm`, `wcdma`, `lte`, `nr-nsa`, `nr-sa`, `searching` or `no-service`."""
    rrc_state: str | None = None
    cells: tuple[HeardCell, ...] | None = None
    """Empty: the modem hears none. None: the reply is not about cells."""
    registration: Registration | None = None
    signal: Signal | None = None
    operator: Operator | None = None
    operators: tuple[FoundOperator, ...] | None = None
    identity: Identity | None = None
    sim: SimCard | None = None
    rat_lock: AllowedRats | None = None
    bands: Bands | None = None
    cell_lock: CellLock | None = None
    supported: dict[str, tuple[int | str, ...]] | None = None
    """Values a command takes, by its name in lower case."""
    error: Failure | None = None
    temperature_c: float | tuple[float, ...] | dict[str, float] | None = None
    pdp: tuple[Context, ...] | None = None
    pdp_active: dict[str, bool] | None = None
    addresses: tuple[Address, ...] | None = None
    bearer: Bearer | None = None
    attached: bool | None = None
    cfun: int | None = None
    power: str | None = None
    """`on`, `low` or `off`."""
    domain: str | None = None
    """Domains in use: `cs`, `ps` or `cs-ps`."""
    cnti: str | None = None
    ca: Aggregation | None = None
    endc: Raw | None = None
    net_mode: str | None = None
    usb_profile: str | None = None
    data_connected: Connected | None = None
    sysinfo: SystemInfo | None = None
    result: str | None = None
    """`ok` for an order that was carried out and has nothing to say."""
    unread: tuple[str, ...] | None = None
    """Rows of an otherwise good answer that were not understood."""


def heard(role: Role, cell: Cell | None) -> HeardCell | None:
    """The cell in its role; None for None."""
    if cell is None:
        return None
    fields: dict[str, Any] = {**msgspec.structs.asdict(cell), "role": role}
    return HeardCell(**fields)


def those(*cells: HeardCell | None) -> tuple[HeardCell, ...]:
    """Those that are there."""
    return tuple(cell for cell in cells if cell is not None)
