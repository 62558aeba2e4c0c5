"""What a person sees of the demo while the probe drives."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sim.world import World
from wire.control import ModemState, Presence
from wire.messages import AnyMeasurement, Outcome

BIN_M = 60.0
"""The demo's road then fits a terminal of 80 columns."""
BAR_WIDTH = 12
RSRP_BAR_DBM = (-125.0, -75.0)
SINR_BAR_DB = (-5.0, 25.0)
GOOD_SHARE = 0.6
FAIR_SHARE = 0.3
NEWS_SHOWN = 4
PLAIN_EVERY_S = 5.0
NEVER = datetime.min.replace(tzinfo=UTC)


class Scene(NamedTuple):
    """One moment of the drive."""

    presence: Presence | None
    chainage_m: float
    since_start_s: float
    uplink_black: bool
    broker_up: bool
    latest: Mapping[tuple[str, str | None], AnyMeasurement]
    """As the dashboard has them, by kind and modem."""
    news: Sequence[str]
    """What happened, latest last."""


class View(Protocol):
    """Somewhere the scenes are shown."""

    def show(self, scene: Scene) -> None:
        """Show one moment; called several times a second."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""


class Strip:
    """The road in bins as the probe's own modems have found it so far."""

    def __init__(self, world: World) -> None:
        """Empty for the world's drive."""
        self._start_m = min(world.drive.start_m, world.drive.end_m)
        length_m = abs(world.drive.end_m - world.drive.start_m)
        self._bins: dict[str, list[bool | None]] = {
            modem.name: [None] * (int(length_m // BIN_M) + 1) for modem in world.modems
        }

    def mark(self, modem: ModemState, chainage_m: float) -> None:
        """Note whether the modem has service where the vehicle is."""
        bins = self._bins[modem.name]
        index = int((chainage_m - self._start_m) // BIN_M)
        if 0 <= index < len(bins) and modem.state in {Outcome.OK, Outcome.NO_SERVICE}:
            served = modem.state == Outcome.OK
            bins[index] = served or bool(bins[index])

    def text(self, modem: str) -> Text:
        """One character a bin: covered, gap, or not seen."""
        line = Text()
        for covered in self._bins[modem]:
            style = {True: "green", False: "red", None: "dim"}[covered]
            line.append({True: "█", False: "░", None: "·"}[covered], style)
        return line


class LiveView:
    """A picture that is redrawn in place; for a terminal."""

    def __init__(self, console: Console, world: World) -> None:
        self._strip = Strip(world)
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def show(self, scene: Scene) -> None:
        """Redraw."""
        mark(self._strip, scene)
        self._live.update(picture(scene, self._strip))

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)


class PlainView:
    """A line now and then; for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0
        self._told = 0

    def show(self, scene: Scene) -> None:
        """Print news at once and the state every few seconds."""
        for news in scene.news[self._told :]:
            self._console.print(news, soft_wrap=True)
        self._told = len(scene.news)
        if scene.since_start_s >= self._next_s:
            self._next_s = scene.since_start_s + PLAIN_EVERY_S
            self._console.print(_sentence(scene), soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


def mark(strip: Strip, scene: Scene) -> None:
    """Note on the strip what the modems say at this moment."""
    for modem in () if scene.presence is None else scene.presence.modems:
        strip.mark(modem, scene.chainage_m)


def picture(scene: Scene, strip: Strip) -> RenderableType:
    """The whole picture of one moment."""
    table = Table("modem", "network", "RSRP", "SINR", "lock", "last test", expand=True)
    roads = Table.grid(padding=(0, 1))
    presence = scene.presence
    for modem in () if presence is None else presence.modems:
        state = "" if modem.state == Outcome.OK else f" [red]{modem.state}[/red]"
        table.add_row(
            modem.name,
            f"{modem.plmn or '-'} {modem.mode or '-'}{state}",
            _bar(modem.rsrp_dbm, RSRP_BAR_DBM, "dBm"),
            _bar(modem.sinr_db, SINR_BAR_DB, "dB"),
            modem.lock or "-",
            _last_test(scene, modem.name),
        )
        roads.add_row(modem.name, strip.text(modem.name))
    return Panel(
        Group(table, "", roads, "", _links(scene), *scene.news[-NEWS_SHOWN:]),
        title=f"km {scene.chainage_m / 1000:.2f}, {scene.since_start_s:.0f} s",
    )


def _bar(value: float | None, span: tuple[float, float], unit: str) -> Text:
    if value is None:
        return Text("-" * BAR_WIDTH, "dim")
    low, high = span
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    filled = round(share * BAR_WIDTH)
    colour = "green" if share > GOOD_SHARE else "yellow" if share > FAIR_SHARE else "red"
    return Text.assemble(
        ("█" * filled, colour), ("·" * (BAR_WIDTH - filled), "dim"), f" {value:.0f} {unit}"
    )


def _last_test(scene: Scene, modem: str) -> str:
    tests = [
        record
        for (kind, name), record in scene.latest.items()
        if name == modem and kind in {"throughput", "video", "latency"} and record.utc is not None
    ]
    if not tests:
        return "-"
    last = max(tests, key=lambda record: record.utc or NEVER)
    return f"{last.kind}: {_result(last)}"


def _result(record: AnyMeasurement) -> str:
    rate = getattr(record.payload, "bits_per_second", None)
    if rate is not None:
        return f"{rate / 1e6:.1f} Mbit/s"
    median_ms = getattr(record.payload, "median_ms", None)
    if median_ms is not None:
        return f"{median_ms:.0f} ms"
    return f"{record.outcome} ({record.reason})" if record.reason else str(record.outcome)


def _links(scene: Scene) -> str:
    presence = scene.presence
    made = 0 if presence is None else presence.made or 0
    waiting = 0 if presence is None else presence.outbox_rows or 0
    health = None if presence is None else presence.health
    uplink = "[red]black[/red]" if scene.uplink_black else "[green]up[/green]"
    broker = "[green]up[/green]" if scene.broker_up else "[red]killed[/red]"
    believes = "-" if health is None else health.uplink
    return (
        f"uplink {uplink} (the probe says: {believes})   broker {broker}   "
        f"outbox {waiting}   made {made}   acknowledged {max(0, made - waiting)}"
    )


def _sentence(scene: Scene) -> str:
    presence = scene.presence
    modems = "" if presence is None else "  ".join(map(_modem_words, presence.modems))
    return (
        f"{scene.since_start_s:4.0f} s  km {scene.chainage_m / 1000:.2f}  {modems}  "
        + Text.from_markup(_links(scene)).plain
    )


def _modem_words(modem: ModemState) -> str:
    level = "no service" if modem.rsrp_dbm is None else f"{modem.rsrp_dbm:.0f} dBm"
    return f"{modem.name} {modem.mode or '-'} {level}"
