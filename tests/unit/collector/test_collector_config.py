"""The configuration: every mistake is named with its place."""

from pathlib import Path

import pytest

from collector.config import Config, ConfigError, load, of_worker
from collector.geo import configured

EXAMPLE = Path(__file__).parents[3] / "config" / "collector.example.toml"


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "collector.toml"
        file.write_text(text)
        return file

    return write


def test_an_empty_file_is_the_defaults(write):
    file = write("")
    assert load(file) == Config(file=file)


def test_paths_count_from_the_file(write, tmp_path):
    config = load(write('[store]\nfolder = "data"'))
    assert config.store.lake == tmp_path / "data" / "lake"
    assert config.store.ledger == tmp_path / "data" / "collector.db"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[geo]\nboundaries = ["none.geojson"]', "geo.boundaries[0]: file not found: none.geojson"),
        ("[mqtt]\nport = 70000", "mqtt.port: Expected `int` <= 65535"),
        ("[mqtt]\nhots = 'x'", "mqtt.hots: unknown key"),
        ("[mqt]\nhost = 'x'", "mqt: unknown key"),
        ("file = 'x'", "file: unknown key"),
        ("[geo]\nroads = [1]", "geo.roads[0]: Expected `Path`, got `int`"),
        ("[ingest]\nbatch_s = 0", "ingest.batch_s: Expected `float` > 0.0"),
        ("[mqtt]\ncert_file = 'collector.toml'", "mqtt: cert_file and key_file go together"),
        ("[targets]\nfolder = 'none'", "targets.folder: folder not found"),
        ("[web", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_a_mistake_is_named_with_its_place(write, text, says):
    with pytest.raises(ConfigError) as caught:
        load(write(text))
    assert str(caught.value) == f"collector.toml: {says}"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^collector\.toml: cannot be read"):
        load(tmp_path / "collector.toml")


def test_a_broken_map_is_named_with_its_place(write, tmp_path):
    (tmp_path / "a.geojson").write_text("{")
    config = load(write('[geo]\nboundaries = ["a.geojson"]'))
    with pytest.raises(ConfigError, match=r"^collector\.toml: geo\.boundaries\[0\]: a\.geojson: "):
        configured.locator(config)


def test_the_example_is_the_defaults_and_names_every_key():
    text = EXAMPLE.read_text()
    uncommented = "\n".join(
        line.removeprefix("#") if line[:1] == "#" and line[1:2].isalpha() else line
        for line in text.splitlines()
    )
    for section in ("mqtt", "store", "ingest", "geo", "targets", "spectrum", "web"):
        assert f"[{section}]" in text
        for key in type(getattr(Config(), section)).__struct_fields__:
            assert f"{key} =" in uncommented, f"{section}.{key}"


def test_a_further_worker_has_a_name_and_a_certificate_of_its_own(tmp_path, write):
    for name in ("ca.crt", "c.crt", "c.key", "c-2.crt", "c-2.key"):
        (tmp_path / name).touch()
    config = load(
        write("[mqtt]\nca_file = 'ca.crt'\ncert_file = 'c.crt'\nkey_file = 'c.key'\nusername = 'c'")
    )
    second = of_worker(config, 2).mqtt
    assert (second.client_id, second.username) == ("dosong-collector-2", "c-2")
    assert (second.cert_file, second.key_file) == (tmp_path / "c-2.crt", tmp_path / "c-2.key")
    assert second.ca_file == tmp_path / "ca.crt"
    with pytest.raises(ConfigError, match=r"mqtt\.cert_file: file not found: c-3\.crt"):
        of_worker(config, 3)
