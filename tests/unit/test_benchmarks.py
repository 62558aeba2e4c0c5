import json

from benchmarks.__main__ import main
from benchmarks.at_round_trip import REPLIES


def test_round_trip_is_measured_beside_pyserial_and_a_look_by_its_share_of_a_core(capsys):
    assert main(["at_round_trip", "--rounds", "25", "--seconds", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["at_round_trip"]
    rows = found["round_trips"]
    assert {row["command"] for row in rows} == set(REPLIES)
    assert all(row["median_us"] > 0 for row in rows)
    assert [row["ratio"] for row in rows if row["asked_by"] == "pyserial, what is there"] == [1, 1]
    assert found["sampling"]["looks"] == 1
    assert 0 < found["sampling"]["core_percent"] < 100
