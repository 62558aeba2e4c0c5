"""The probe's configuration: one TOML file into frozen values, or every error with its place."""

import ipaddress
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from agent.budget.allowance import Allowance
from agent.budget.period import LAST_RESET_DAY
from agent.lock import Lock
from agent.misfits import Misfit, convert, misfits, suggestion
from agent.plan.entry import Area, Entry, Name, area_contradictions, contradictions
from agent.plan.planning import Planning
from drivers.modem.reading import Bands, LockedCell
from drivers.traffic.ip_family import IpFamily
from wire.codec import PROBE_NAME
from wire.messages import RatMode
from wire.signature import PublicKey

DEFAULT_FILE = Path("/etc/dosong/probe.toml")
MAX_FILE_BYTES = 1 << 20
BYTES_PER_GB = 1_000_000_000
INTERFACE_NAME = re.compile(r"[^/\s]{1,15}")
"""As the kernel takes it."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Problem(NamedTuple):
    """One thing that is wrong, and where: `probe.toml: modem[1].lok: unknown key`."""

    file: str
    place: str
    what: str

    def __str__(self) -> str:
        """As a person reads it."""
        return ": ".join(part for part in self if part)


class ConfigError(Exception):
    """The configuration cannot be used; `problems` names everything that was found wrong."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """At least one problem."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Surveyed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The position of a probe that stands still, measured once by a person."""

    lat_deg: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    altitude_m: float | None = None
    horizontal_error_m: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Gps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where position and time come from: a gpsd, or a surveyed place."""

    host: str | None = None
    """Of gpsd. Unset: this machine, or none at all where the position is surveyed."""
    port: Port = 2947
    surveyed: Surveyed | None = None

    @property
    def gpsd(self) -> tuple[str, int] | None:
        """Address of the gpsd to listen to."""
        if self.host is None and self.surveyed is not None:
            return None
        return self.host or "127.0.0.1", self.port


class Uplink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker that carries records to the collector."""

    host: str
    port: Port = 8883
    ca: Path | None = None
    """Certificate authority of the broker; without it the link is not encrypted."""
    cert: Path | None = None
    """The probe's own certificate: its common name is the probe's name."""
    key: Path | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    ack_timeout_s: Seconds = 30
    """Without the collector's acknowledgement for so long, a batch is sent again."""
    max_rows_in_flight: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 10_000
    paths: tuple[str, ...] = ()
    """In the order of preference: names of modems (`[[modem]]`), or of network interfaces. None:
    as the system's routing chooses."""
    test_share_kbit_s: Annotated[float, msgspec.Meta(ge=1, le=100_000)] = 16.0
    """Of records while a traffic test runs on the interface that carries them."""


class OutboxLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the probe keeps while it is offline."""

    max_bytes: Annotated[int, msgspec.Meta(ge=1 << 20)] = 512 << 20
    """At this size rows are given up, least important first, and the loss is recorded."""


class Carry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records carried out by hand."""

    folders: tuple[Path, ...] = (Path("/media"), Path("/run/media"), Path("/mnt/dosong"))
    """Below them a mounted stick with a file `dosong-stick` gets a copy; empty: no stick does."""


class SimBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data plan of one SIM; what is unset is as `[budget]` says."""

    iccid: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{18,20}F?$")]
    monthly_gb: Annotated[float, msgspec.Meta(gt=0, le=100_000)] | None = None
    resets_on_day: Annotated[int, msgspec.Meta(ge=1, le=LAST_RESET_DAY)] | None = None
    reserve_share: Annotated[float, msgspec.Meta(ge=0, lt=1)] | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each SIM may use in a month."""

    monthly_gb: Annotated[float, msgspec.Meta(gt=0, le=100_000)] | None = None
    """10^9 bytes, both ways together; unset: counted without a limit."""
    resets_on_day: Annotated[int, msgspec.Meta(ge=1, le=LAST_RESET_DAY)] = 1
    """Day on which the operator begins anew, in local time."""
    reserve_share: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.1
    """Kept for delivering records: tests stop before it."""
    sim: tuple[SimBudget, ...] = ()

    def allowance(self, account: str) -> Allowance:
        """What the SIM of this ICCID may use."""
        own = next((each for each in self.sim if each.iccid.rstrip("F") == account), None)
        monthly_gb, day, share = self.monthly_gb, self.resets_on_day, self.reserve_share
        if own is not None:
            monthly_gb = monthly_gb if own.monthly_gb is None else own.monthly_gb
            day = day if own.resets_on_day is None else own.resets_on_day
            share = share if own.reserve_share is None else own.reserve_share
        return Allowance(
            limit_bytes=None if monthly_gb is None else round(monthly_gb * BYTES_PER_GB),
            reserve_share=share,
            resets_on_day=day,
        )


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Beyond what a test's number is the computer's and not the network's."""

    max_core_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    """Of its time that the busiest core may be busy, in the mean over a test; 1.0: no limit."""
    max_temperature_c: Annotated[float, msgspec.Meta(gt=0, le=150)] = 85.0
    """No test begins hotter than this: the processor is slowed down there."""
    min_memory_mb: Annotated[float, msgspec.Meta(ge=0)] = 32.0
    """10^6 bytes that must be left all the time."""


class PlanUpdates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose plans are taken up when they are sent."""

    public_keys: tuple[PublicKey, ...] = ()
    """`dosong-collector plan keygen` prints one; without any every plan is refused."""


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where tests are run against."""

    name: Name
    iperf_host: str | None = None
    """Name or address of the iperf3 server; unset: it offers no capacity tests by iperf3."""
    iperf_port: Port = 5201
    http_url: Annotated[str, msgspec.Meta(pattern=r"^http://[^/?#@\s]+/?$")] | None = None
    """Of the HTTP and video tests and of the small data check, e.g. `http://test.example:8080`;
    unset: it offers none."""
    fallback: Name | None = None
    """`[[server]]` for a test that this one refuses before the first byte; that one's own
    `fallback` comes after it."""


class ChosenServer(Server, frozen=True, kw_only=True):
    """A server for one test, and those to try after it."""

    others: tuple[Server, ...] = ()


class ModemPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place for a modem: by its USB path, by its IMEI, or by the name of its AT port."""

    name: Name
    port: Path | None = None
    """The AT port, or a link to it. Found by `usb_path` when unset."""
    usb_path: str | None = None
    """The physical USB path, e.g. `1-1.2`: it stays when the tty's number changes."""
    imei: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{15}$")] | None = None
    """The modem itself, wherever it is plugged in: instead of `usb_path`."""
    interface: Annotated[str, msgspec.Meta(pattern=f"^{INTERFACE_NAME.pattern}$")] | None = None
    """Network interface of its data connection. Unset: that of the modem's USB device; where
    `port` is given the tests are then not bound to one."""
    family: Name | None = None
    """Driver family; unset: the modem is asked who it is."""
    lock: RatMode | None = None
    """Radio access technology to hold it on; unset: never touched."""
    bands: Bands | None = None
    """Bands to hold it on beside `lock`, e.g. `{ lte = [3, 7] }`; unset: as the modem is set."""
    cell: LockedCell | None = None
    """One cell to hold it on beside `lock`: `earfcn` and `pci`; for NR also `scs_khz`, `band`."""
    server: Name | None = None
    """`[[server]]` for its tests; unset: the first one."""
    shared_path: Name | None = None
    """Modems with the same word share a bottleneck and are tested one at a time."""
    neighbours_every_s: Seconds = 10
    dns: tuple[str, ...] = ()
    """Name servers that its tests ask over it; unset: those the modem says, or systemd-resolved."""
    address_family: IpFamily = IpFamily.ANY
    """`ipv4` or `ipv6` holds its tests on one; `any` takes IPv6 where it works."""

    @property
    def place(self) -> str:
        """What stands in records as the physical path."""
        return self.usb_path or (str(self.port) if self.imei is None else f"imei-{self.imei}")

    @property
    def held_on(self) -> Lock | None:
        """What the modem is held on between tests that want another lock."""
        if self.lock is None:
            return None
        return Lock(mode=self.lock, bands=self.bands, cell=self.cell)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe."""

    probe: Annotated[str, msgspec.Meta(pattern=f"^{PROBE_NAME.pattern}$")]
    state_dir: Path = Path("/var/lib/dosong")
    """Survives power cuts: the outbox and the settings of locked modems."""
    run_dir: Path = Path("/run/dosong")
    """Gone after a boot: `status.json`."""
    profile_dir: Path | None = None
    """Folder of test profiles; unset: the ones that come with the program."""
    gps: Gps = Gps()
    uplink: Uplink | None = None
    """Unset: records are kept in the outbox only."""
    outbox: OutboxLimits = OutboxLimits()
    carry: Carry = Carry()
    budget: Budget = Budget()
    host: Host = Host()
    plan_updates: PlanUpdates = PlanUpdates()
    modem: tuple[ModemPlace, ...] = ()
    server: tuple[Server, ...] = ()
    planning: Planning = Planning()
    area: tuple[Area, ...] = ()
    plan: tuple[Entry, ...] = ()

    def modem_named(self, name: str) -> ModemPlace | None:
        """The modem's place, or None if there is none of this name."""
        return next((place for place in self.modem if place.name == name), None)

    def server_for(self, place: ModemPlace, entry: Entry | None = None) -> ChosenServer | None:
        """The server a test on this modem uses: the plan's, the modem's or the first."""
        wanted = (entry.server if entry is not None else None) or place.server
        if wanted is None:
            wanted = self.server[0].name if self.server else None
        chain: list[Server] = []
        while (server := self._server_named(wanted)) is not None and server not in chain:
            chain.append(server)
            wanted = server.fallback
        if not chain:
            return None
        return ChosenServer(**msgspec.structs.asdict(chain[0]), others=tuple(chain[1:]))

    def _server_named(self, name: str | None) -> Server | None:
        return next((server for server in self.server if server.name == name), None)


class Tables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a configuration a running agent takes up anew."""

    server: tuple[Server, ...] = ()
    area: tuple[Area, ...] = ()
    plan: tuple[Entry, ...] = ()


REPLACED = Tables.__struct_fields__


def load(file: Path) -> Config:
    """The configuration in `file`; raises `ConfigError` with everything that is wrong.

    Relative paths in it are taken from the file's own folder.
    """
    return parse(_read(file), name=file.name, folder=file.absolute().parent)


def parse(text: str, *, name: str, folder: Path) -> Config:
    """The configuration in `text`, as `load` does it for a file called `name` in `folder`."""
    document = _document(text, name)
    _refuse(name, misfits(document, Config))
    config: Config = _absolute(convert(document, Config), folder)
    _refuse(name, _contradictions(config))
    return config


def with_tables(config: Config, text: str, *, name: str, folder: Path) -> Config:
    """The same with the `Tables` in `text` instead of its own; those `text` leaves out stay.

    Files are named without a folder and are looked for in `folder`. Raises `ConfigError`.
    """
    document = _document(text, name)
    _refuse(name, misfits(document, Tables))
    tables: Tables = convert(document, Tables)
    _refuse(name, _files_elsewhere(tables))
    replaced = {key: getattr(tables, key) for key in document}
    other = _absolute(msgspec.structs.replace(config, **replaced), folder)
    _refuse(name, _contradictions(other))
    return other


def _document(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((Problem(name, "", f"not TOML: {error}"),)) from error
    except RecursionError as error:
        raise ConfigError((Problem(name, "", "lists or tables nested too deeply"),)) from error


def _files_elsewhere(tables: Tables) -> Iterator[Misfit]:
    """Whoever sends a plan does not choose which files of the probe are read."""
    named = [(f"area[{index}].file", area.file) for index, area in enumerate(tables.area)]
    named += [(f"plan[{index}].places", entry.places) for index, entry in enumerate(tables.plan)]
    for place, file in named:
        if file is not None and file.name != str(file):
            yield Misfit(place, "only a file beside the configuration, named without a folder")


def _refuse(name: str, found: Iterable[Misfit]) -> None:
    problems = tuple(Problem(name, place, what) for place, what in found)
    if problems:
        raise ConfigError(problems)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            what = f"longer than {MAX_FILE_BYTES} bytes"
            raise ConfigError((Problem(str(file), "", what),))
        return data.decode()
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigError((Problem(str(file), "", what),)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((Problem(str(file), "", f"not UTF-8: {error.reason}"),)) from error


def _contradictions(config: Config) -> Iterator[Misfit]:
    """What is right by itself and wrong together."""
    yield from _doubles(config)
    yield from _strangers(config)
    for index, place in enumerate(config.modem):
        if place.port is None and place.usb_path is None and place.imei is None:
            what = "needs 'usb_path' or 'port' or 'imei'; `dosong-agent suggest` prints it"
            yield Misfit(f"modem[{index}]", what)
        if place.imei is not None and (place.port is not None or place.usb_path is not None):
            what = "is there instead of 'usb_path' and 'port': the modem is looked for everywhere"
            yield Misfit(f"modem[{index}].imei", what)
        yield from _lock_contradictions(place, f"modem[{index}]")
        for number, address in enumerate(place.dns):
            if not _is_address(address):
                yield Misfit(f"modem[{index}].dns[{number}]", f"no address: '{address}'")
    yield from _plan_contradictions(config)
    for index, entry in enumerate(config.plan):
        if entry.needs and not entry.optional:
            yield Misfit(f"plan[{index}].needs", "needs 'optional = true' beside it")
    if config.uplink is not None:
        yield from _uplink_contradictions(config.uplink)
        yield from _path_contradictions(config, config.uplink)
    if config.profile_dir is not None and not config.profile_dir.is_dir():
        yield Misfit("profile_dir", f"no folder {config.profile_dir}")


def _plan_contradictions(config: Config) -> Iterator[Misfit]:
    for index, area in enumerate(config.area):
        for key, what in area_contradictions(area):
            yield Misfit(f"area[{index}].{key}".rstrip("."), what)
    for index, entry in enumerate(config.plan):
        for key, what in contradictions(entry):
            yield Misfit(f"plan[{index}].{key}".rstrip("."), what)
        if entry.needs_positions and config.gps.surveyed is not None:
            what = "needs a probe that moves: the position of this one is surveyed"
            yield Misfit(f"plan[{index}]", what)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _lock_contradictions(place: ModemPlace, where: str) -> Iterator[Misfit]:
    lock = place.held_on
    if lock is not None:
        for key, what in lock.contradictions():
            yield Misfit(f"{where}.{key}", what)
        return
    for key in ("bands", "cell"):
        if getattr(place, key) is not None:
            yield Misfit(f"{where}.{key}", "needs 'lock' beside it: the technology to hold it on")


def _uplink_contradictions(uplink: Uplink) -> Iterator[Misfit]:
    if (uplink.cert is None) != (uplink.key is None):
        yield Misfit("uplink", "'cert' and 'key' belong together")
    if uplink.cert is not None and uplink.ca is None:
        yield Misfit("uplink", "'cert' without 'ca': the broker could be anybody")
    for key, file in (("ca", uplink.ca), ("cert", uplink.cert), ("key", uplink.key)):
        if file is not None and not file.is_file():
            yield Misfit(f"uplink.{key}", f"no file {file}")


def _path_contradictions(config: Config, uplink: Uplink) -> Iterator[Misfit]:
    for index, name in enumerate(uplink.paths):
        where = f"uplink.paths[{index}]"
        place = config.modem_named(name)
        if name in uplink.paths[:index]:
            yield Misfit(where, f"'{name}' is there already")
        elif place is None and not INTERFACE_NAME.fullmatch(name):
            yield Misfit(where, f"'{name}' is neither a modem nor an interface's name")
        elif place is not None and place.port is not None and place.interface is None:
            yield Misfit(where, f"modem '{name}' has a 'port' and needs 'interface' beside it")


def _strangers(config: Config) -> Iterator[Misfit]:
    """Names that stand for nothing."""
    modems = [place.name for place in config.modem]
    servers = [server.name for server in config.server]
    areas = [area.name for area in config.area]
    used: list[tuple[str, str, str | None, list[str]]] = []
    for index, place in enumerate(config.modem):
        used.append((f"modem[{index}].server", "server", place.server, servers))
    for index, server in enumerate(config.server):
        used.append((f"server[{index}].fallback", "server", server.fallback, servers))
    for index, entry in enumerate(config.plan):
        used.append((f"plan[{index}].server", "server", entry.server, servers))
        used.append((f"plan[{index}].area", "area", entry.area, areas))
        used += [(f"plan[{index}].modems", "modem", name, modems) for name in entry.modems]
    for place_in_file, kind, name, known in used:
        if name is not None and name not in known:
            yield Misfit(place_in_file, f"no {kind} '{name}'; {suggestion(name, known)}")


def _doubles(config: Config) -> Iterator[Misfit]:
    """Names and places that must be there only once."""
    unique: dict[str, tuple[object, ...]] = {
        "modem[{}].name": tuple(place.name for place in config.modem),
        "modem[{}].port": tuple(place.port for place in config.modem),
        "modem[{}].usb_path": tuple(place.usb_path for place in config.modem),
        "modem[{}].imei": tuple(place.imei for place in config.modem),
        "server[{}].name": tuple(server.name for server in config.server),
        "area[{}].name": tuple(area.name for area in config.area),
        "plan[{}].name": tuple(entry.name for entry in config.plan),
        "budget.sim[{}].iccid": tuple(sim.iccid for sim in config.budget.sim),
    }
    for place, values in unique.items():
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                earlier = place.format(values.index(value))
                yield Misfit(place.format(index), f"'{value}' is taken by {earlier}")


def _absolute(config: Config, folder: Path) -> Config:
    """The same with relative paths taken from `folder`."""

    def whole(path: Path | None) -> Path | None:
        return None if path is None else folder / path

    uplink = config.uplink
    if uplink is not None:
        uplink = msgspec.structs.replace(
            uplink, ca=whole(uplink.ca), cert=whole(uplink.cert), key=whole(uplink.key)
        )
    return msgspec.structs.replace(
        config,
        state_dir=folder / config.state_dir,
        run_dir=folder / config.run_dir,
        profile_dir=whole(config.profile_dir),
        carry=Carry(folders=tuple(folder / each for each in config.carry.folders)),
        uplink=uplink,
        modem=tuple(
            msgspec.structs.replace(place, port=whole(place.port)) for place in config.modem
        ),
        area=tuple(msgspec.structs.replace(area, file=whole(area.file)) for area in config.area),
        plan=tuple(
            msgspec.structs.replace(entry, places=whole(entry.places)) for entry in config.plan
        ),
    )
