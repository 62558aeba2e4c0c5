import msgspec
import pytest

import agent.advice
from agent.advice import LOW_DISK_BYTES
from agent.words import Words
from wire.control import ModemState, Presence
from wire.kinds import status
from wire.messages import Position, PositionSource

FIX = Position(source=PositionSource.GNSS, lat_deg=12.0, lon_deg=107.7)
NOON = "2026-11-23T12:00:00Z"
ENGLISH = Words("en")
ALL_WELL, NOT_RUNNING = ENGLISH("next.nothing"), ENGLISH("next.not_running")


def advice(presence):
    return agent.advice.advice(presence, ENGLISH)


def probe(*, modem="ok", online=True, position=FIX, utc=NOON, **health):
    return Presence(
        probe="dn-01",
        online=online,
        position=position,
        utc=utc,
        modems=(ModemState(name="viettel", state=modem),),
        health=status.Payload(uptime_s=1.0, **({"outbox_rows": 7} | health)),
    )


def test_a_probe_that_measures_needs_nothing():
    assert advice(probe(uplink="connected", workers={"gps": "running"})) == (ALL_WELL,)


def test_an_agent_that_does_not_run_is_the_only_thing_to_say():
    assert advice(None) == (NOT_RUNNING,)
    assert advice(probe(online=False, modem="modem_gone")) == (NOT_RUNNING,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modem": "modem_gone"}, "Modem viettel is not there"),
        ({"modem": "no_service"}, "Modem viettel has no service here"),
        ({"modem": "invalid"}, "Modem viettel does not answer"),
        ({"position": Position()}, "No position"),
        ({"utc": None}, "The time is not known yet"),
        ({"uplink": "offline"}, "7 records wait on the probe and are safe"),
        (
            {"uplink": "connected", "uplink_alarm": "no collector listens"},
            "no collector listens. 7",
        ),
        ({"uplink": "offline", "uplink_alarm": "certificate expired"}, "certificate expired. 7"),
        ({"throttled": 0x50005}, "supply voltage is too low"),
        ({"throttled": 0x8}, "too hot"),
        ({"cpu_temperature_c": 84.0}, "too hot"),
        ({"disk_free_bytes": LOW_DISK_BYTES - 1}, "Less than 1 GB"),
        ({"dropped_rows": 3}, "3 records were given up"),
        ({"workers": {"gps": "waiting: 8.0 s after OSError: x"}}, "gps is waiting"),
    ],
)
def test_each_fault_has_its_next_step(changes, words):
    (sentence,) = advice(probe(**changes))
    assert words in sentence


def test_an_under_voltage_of_the_past_is_no_news():
    assert advice(probe(throttled=0x50000)) == (ALL_WELL,)


def test_a_probe_without_modems_is_told_where_to_look():
    presence = Presence(probe="dn-01", online=True, position=FIX, utc=NOON)
    assert "dosong-agent suggest" in advice(presence)[0]


def test_what_a_modem_needs_of_a_person_is_said_in_its_own_words():
    state = ModemState(name="viettel", state="ok", trouble="its lock to 4g has no effect. Do this.")
    said = advice(msgspec.structs.replace(probe(), modems=(state,)))
    assert said == ("Modem viettel: its lock to 4g has no effect. Do this.",)


def test_a_sim_that_is_nearly_used_up_is_named():
    used = ModemState(
        name="viettel", state="ok", data_used_bytes=28 * 10**9, data_limit_bytes=30 * 10**9
    )
    (sentence,) = advice(msgspec.structs.replace(probe(), modems=(used,)))
    assert sentence.startswith("The SIM of modem viettel has used 28.0 of 30.0 GB")
    half = msgspec.structs.replace(used, data_used_bytes=15 * 10**9)
    assert advice(msgspec.structs.replace(probe(), modems=(half,))) == (ALL_WELL,)


def test_the_same_is_said_in_vietnamese():
    vietnamese = Words("vi")
    assert agent.advice.advice(probe(uplink="offline"), vietnamese) == (
        vietnamese("next.offline", rows=7),
    )
    assert agent.advice.advice(None, vietnamese) == (vietnamese("next.not_running"),)
