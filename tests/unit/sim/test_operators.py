import tomllib

from sim.world.places import geo_dir

OPERATORS = tomllib.loads((geo_dir().parent / "operators.toml").read_text())["operator"]


def test_each_network_is_named_once_in_its_own_colour():
    for key in ("plmn", "name", "colour"):
        values = [operator[key] for operator in OPERATORS]
        assert len(set(values)) == len(values), key


def test_plmns_are_vietnamese_and_text():
    assert all(
        isinstance(operator["plmn"], str)
        and operator["plmn"].startswith("452")
        and len(operator["plmn"]) == 5
        for operator in OPERATORS
    )


def test_technologies_are_those_we_know():
    known = {"gsm", "wcdma", "lte", "nr-nsa", "nr-sa"}
    for operator in OPERATORS:
        assert set(operator["technologies"]) <= known
        assert bool(operator["nr_bands"]) == any(
            t.startswith("nr-") for t in operator["technologies"]
        )
