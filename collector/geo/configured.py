"""The boundary sets and roads that the configuration names, or an error that names the place."""

from collector.config import Config, ConfigError
from collector.geo.boundaries import Boundaries
from collector.geo.geojson import GeographyError
from collector.geo.locate import Locator
from collector.geo.roads import Roads


def boundaries(config: Config) -> Boundaries:
    """The configured boundary sets; raises `ConfigError`."""
    try:
        return Boundaries(config.geo.boundaries)
    except GeographyError as error:
        raise _misplaced(config, "boundaries", error) from error


def roads(config: Config) -> Roads:
    """The configured centre lines; raises `ConfigError`."""
    try:
        return Roads(config.geo.roads)
    except GeographyError as error:
        raise _misplaced(config, "roads", error) from error


def locator(config: Config) -> Locator:
    """What locates records by both; raises `ConfigError`."""
    return Locator(boundaries(config), roads(config))


def _misplaced(config: Config, key: str, error: GeographyError) -> ConfigError:
    index = getattr(config.geo, key).index(error.file)
    return ConfigError(config.file, f"geo.{key}[{index}]", str(error))
