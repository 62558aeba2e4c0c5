"""The collector's configuration: one TOML file, checked before anything starts."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class ConfigError(ValueError):
    """The file cannot be used. `place` is the key that is wrong, e.g. `geo.boundaries[0]`."""

    def __init__(self, file: Path, place: str, problem: str) -> None:
        """Keep where and what."""
        super().__init__(": ".join(part for part in (file.name, place, problem) if part))
        self.file = file
        self.place = place
        self.problem = problem


class Mqtt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the broker."""

    host: str = "127.0.0.1"
    port: Port = 1883
    client_id: str = "dosong-collector"
    """Fixed: the broker keeps the session, and what came meanwhile, under this name."""
    keepalive_s: Count = 20
    username: str | None = None
    password_file: Path | None = None
    """One line; not the password itself, so that this file may be shown."""
    ca_file: Path | None = None
    """Turns TLS on."""
    cert_file: Path | None = None
    key_file: Path | None = None

    def of_worker(self, number: int) -> "Mqtt":
        """The same broker for a further worker: each name and file of an identity is numbered.

        `collector.crt` becomes `collector-2.crt`. Two clients of one name throw each other out,
        and a broker that takes the name from the certificate knows no other.
        """
        if number == 1:
            return self
        return msgspec.structs.replace(
            self,
            client_id=f"{self.client_id}-{number}",
            username=None if self.username is None else f"{self.username}-{number}",
            **{
                name: None if file is None else file.with_stem(f"{file.stem}-{number}")
                for name in ("password_file", "cert_file", "key_file")
                for file in [getattr(self, name)]
            },
        )


class Plans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sends plans to probes.

    Somebody else than the collector: of two clients with one name the broker throws the first out.
    """

    client_id: str = "dosong-planner"
    username: str | None = None
    """Unset, as the three below: as `[mqtt]` says."""
    password_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where everything is kept."""

    folder: Path = Path("/var/lib/dosong-collector")
    engine: str = "duckdb://"
    """What runs the queries; see `collector.store.engine.connect`."""

    @property
    def lake(self) -> Path:
        """Folder of the Delta tables."""
        return self.folder / "lake"

    @property
    def geo(self) -> Path:
        """Folder of the library of layers."""
        return self.folder / "geo"

    @property
    def ledger(self) -> Path:
        """SQLite file of the ledger and the quarantine."""
        return self.folder / "collector.db"

    @property
    def extracts(self) -> Path:
        """Folder of the rows that verdicts rest on."""
        return self.folder / "extracts"

    @property
    def verdicts(self) -> Path:
        """SQLite file of the verdicts and who signed them."""
        return self.folder / "verdicts.db"

    @property
    def imports(self) -> Path:
        """SQLite file of what others measured or reported."""
        return self.folder / "imports.db"


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is taken at once, and how much may wait."""

    batch_s: Seconds = 1.0
    """A micro-batch is stored at the latest this long after its first message."""
    batch_rows: Count = 20_000
    """... or as soon as it holds about this many records."""
    receive_maximum: Annotated[int, Meta(ge=1, le=65535)] = 500
    """Messages the broker may send ahead of their acknowledgement."""
    quarantine_rows: Count = 100_000
    """Beyond this the oldest quarantined bytes are given up, and counted."""
    compact_files: Annotated[int, Meta(ge=2)] = 32
    """A partition with this many small files is compacted."""


class Geo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Layers of the geography, as GeoJSON files in place, beside those of the library."""

    boundaries: tuple[Path, ...] = ()
    roads: tuple[Path, ...] = ()
    exceptions: tuple[Path, ...] = ()
    points: tuple[Path, ...] = ()
    population: tuple[Path, ...] = ()
    declared: tuple[Path, ...] = ()
    sites: tuple[Path, ...] = ()


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dated targets to judge by."""

    folder: Path | None = None
    """None takes the targets that are shipped."""
    operators: Path | None = None
    """Which networks are judged; None takes the file that is shipped."""


class Spectrum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Television channels, mobile blocks and our limits for both."""

    folder: Path | None = None
    """None takes the files that are shipped."""


class Web(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Paths are absolute: relative ones count from the file's folder."""

    file: Path = Path("collector.toml")
    """Where it was read from; not a key of the file."""
    mqtt: Mqtt = Mqtt()
    plans: Plans = Plans()
    store: Store = Store()
    ingest: Ingest = Ingest()
    geo: Geo = Geo()
    targets: Targets = Targets()
    spectrum: Spectrum = Spectrum()
    web: Web = Web()

    @property
    def planner(self) -> Mqtt:
        """How plans are sent; raises `ConfigError` where it would throw the collector out."""
        if self.mqtt.cert_file is not None and self.plans.cert_file is None:
            what = "is needed beside mqtt.cert_file: of two clients with one name one is thrown out"
            raise ConfigError(self.file, "plans.cert_file", what)
        own = {key: value for key, value in msgspec.structs.asdict(self.plans).items() if value}
        return msgspec.structs.replace(self.mqtt, **own)


def load(file: Path) -> Config:
    """The checked configuration in a TOML file; raises `ConfigError`."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, "", f"not TOML: {error}") from error
    if "file" in raw:
        raise ConfigError(file, "file", "unknown key")
    folder = file.absolute().parent

    def to_path(type_: type, value: Any) -> Any:
        if type_ is Path and isinstance(value, str):
            return folder / value
        raise TypeError(f"Expected `{type_.__name__}`, got `{type(value).__name__}`")

    try:
        config = msgspec.convert(raw | {"file": str(file.absolute())}, Config, dec_hook=to_path)
    except msgspec.ValidationError as error:
        raise ConfigError(file, *placed(error)) from error
    _check_files(file, config)
    return config


_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(?P<key>.*)`")


def placed(error: msgspec.ValidationError, *, below: str = "") -> tuple[str, str]:
    """Key and problem in what msgspec says of a file, or of its part below a key."""
    problem, _, key = str(error).partition(" - at `$")
    parts = [below, key.removesuffix("`").lstrip(".")]
    unknown = _UNKNOWN_KEY.fullmatch(problem)
    if unknown is not None:
        parts.append(unknown["key"])
        problem = "unknown key"
    return ".".join(part for part in parts if part), problem


def of_worker(config: Config, number: int) -> Config:
    """The configuration of a further worker; raises `ConfigError`."""
    one = msgspec.structs.replace(config, mqtt=config.mqtt.of_worker(number))
    _check_files(config.file, one)
    return one


def _check_files(file: Path, config: Config) -> None:
    named = {
        f"mqtt.{name}": getattr(config.mqtt, name)
        for name in ("password_file", "ca_file", "cert_file", "key_file")
    }
    for name in ("password_file", "cert_file", "key_file"):
        named[f"plans.{name}"] = getattr(config.plans, name)
    for name in Geo.__struct_fields__:
        paths = getattr(config.geo, name)
        named |= {f"geo.{name}[{index}]": path for index, path in enumerate(paths)}
    named["targets.operators"] = config.targets.operators
    for place, path in named.items():
        if path is not None and not path.is_file():
            raise ConfigError(file, place, f"file not found: {path.name}")
    for section in ("targets", "spectrum"):
        folder = getattr(config, section).folder
        if folder is not None and not folder.is_dir():
            raise ConfigError(file, f"{section}.folder", "folder not found")
    for place, client in (("mqtt", config.mqtt), ("plans", config.plans)):
        if (client.cert_file is None) != (client.key_file is None):
            raise ConfigError(file, place, "cert_file and key_file go together")
    if config.mqtt.cert_file is not None and config.mqtt.ca_file is None:
        raise ConfigError(file, "mqtt.ca_file", "needed with cert_file")
