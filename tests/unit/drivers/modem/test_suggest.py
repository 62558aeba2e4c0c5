import re
import tomllib
from pathlib import Path

import pytest

from agent.config import parse
from drivers.modem.suggest import Found, suggest
from wire.messages import RatMode

FULL = Found(
    usb_path="1-1.2",
    product="RM520N-GL",
    interface="wwan0",
    at_port="/dev/ttyUSB3",
    model="RM520N-GL",
    imei="860000000000041",
    locks=[RatMode.AUTO, RatMode.G4],
)


def as_config(stanzas):
    text = 'probe = "dn-01"\n' + "\n".join(stanza.toml for stanza in stanzas)
    return parse(text, name="probe.toml", folder=Path("/etc/dosong"))


def test_a_stanza_is_ready_to_paste():
    (stanza,) = suggest([FULL])
    assert stanza.toml == (
        "# RM520N-GL, IMEI 860000000000041\n"
        "# AT port now /dev/ttyUSB3\n"
        "[[modem]]\n"
        'name = "rm520n-gl"\n'
        'usb_path = "1-1.2"\n'
        '# interface = "wwan0"  # found by itself; write to overrule\n'
        '# lock = "4g"  # it can: 4g auto\n'
    )
    (place,) = as_config([stanza]).modem
    assert (place.name, place.usb_path, place.lock) == ("rm520n-gl", "1-1.2", None)


def test_what_is_commented_out_is_right_as_well():
    (stanza,) = suggest([FULL])
    _, *keys = stanza.toml.split("[[modem]]\n")
    text = 'probe = "dn-01"\n[[modem]]\n' + re.sub(r"^# ", "", keys[0], flags=re.MULTILINE)
    (place,) = parse(text, name="probe.toml", folder=Path("/etc/dosong")).modem
    assert (place.interface, place.lock) == ("wwan0", RatMode.G4)


def test_equal_modems_have_names_of_their_own():
    again = [FULL._replace(usb_path=f"1-1.{port}") for port in (2, 3, 4)]
    stanzas = list(suggest(again, taken=["rm520n-gl-2"]))
    assert [stanza.name for stanza in stanzas] == ["rm520n-gl", "rm520n-gl-3", "rm520n-gl-4"]
    assert len(as_config(stanzas).modem) == 3


def test_a_modem_that_was_not_asked_says_why():
    (stanza,) = suggest([Found(usb_path="1-1", product="X55", unasked="held by ModemManager")])
    assert stanza.name == "x55"
    assert "# not asked what it can: held by ModemManager" in stanza.toml
    assert "# no AT port is known of it" in stanza.toml


@pytest.mark.parametrize(
    "words",
    [
        "",
        "---",
        "Môđem 5G",
        'a"]\n[[server]]\nname="x',
        "\\u0041\\",
        "\x00\x1b[31mred",
        "x" * 500,
        "#" * 80,
        "['''",
        "\u2028\u202e",
    ],
)
def test_whatever_a_device_calls_itself_it_is_one_stanza(words):
    stanzas = list(suggest([Found(usb_path="1-1", product=words, interface="w", at_port=words)]))
    (place,) = as_config(stanzas).modem
    assert place.usb_path == "1-1"
    assert tomllib.loads(stanzas[0].toml).keys() == {"modem"}
    assert stanzas[0].toml.isprintable() or "\n" in stanzas[0].toml


def test_nothing_is_suggested_for_nothing():
    assert list(suggest([])) == []
