import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.nmea import Epoch, framed, sentences

EPOCH = Epoch(
    unix_s=1_790_000_000.0,
    lat_deg=12.4710,
    lon_deg=107.6420,
    altitude_m=650.0,
    speed_m_s=25.0,
    course_deg=231.3,
    mode=3,
)


def by_name(epoch):
    rows = sentences(epoch).decode().split("\r\n")[:-1]
    return {row[3:6]: row.split("*")[0].split(",") for row in rows}


def test_a_known_sentence_has_its_known_checksum():
    # The example of the NMEA 0183 literature.
    body = "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
    assert framed(body) == f"${body}*47\r\n".encode()


def test_an_epoch_is_rmc_gga_gsa_and_the_sky():
    rows = sentences(EPOCH).decode().split("\r\n")[:-1]
    assert [row[3:6] for row in rows] == ["RMC", "GGA", "GSA", "GSV", "GSV", "GSV"]
    assert all(len(row) <= 80 for row in rows)


def test_speed_is_in_knots_and_time_is_utc():
    rmc = by_name(EPOCH)["RMC"]
    assert rmc[1] == "141320.00"
    assert rmc[9] == "210926"
    assert float(rmc[7]) == pytest.approx(48.6, abs=0.05)
    assert rmc[8] == "231.3"


def test_height_is_above_the_sea_and_the_geoid_is_told():
    gga = by_name(EPOCH)["GGA"]
    assert float(gga[9]) + float(gga[11]) == pytest.approx(650.0)


def test_without_a_fix_there_is_time_but_no_place():
    rows = by_name(EPOCH._replace(mode=1))
    assert rows["RMC"][2] == "V"
    assert rows["RMC"][3:7] == ["", "", "", ""]
    assert rows["GGA"][6] == "0"
    assert rows["GSA"][2] == "1"


def test_in_two_dimensions_there_is_no_height():
    rows = by_name(EPOCH._replace(mode=2))
    assert rows["GSA"][2] == "2"
    assert rows["GGA"][9] == ""
    assert rows["RMC"][2] == "A"


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_any_place_survives_its_degrees_and_minutes(lat, lon):
    rmc = by_name(EPOCH._replace(lat_deg=lat, lon_deg=lon))["RMC"]
    back_lat = (int(rmc[3][:2]) + float(rmc[3][2:]) / 60) * (1 if rmc[4] == "N" else -1)
    back_lon = (int(rmc[5][:3]) + float(rmc[5][3:]) / 60) * (1 if rmc[6] == "E" else -1)
    assert back_lat == pytest.approx(lat, abs=1e-7)
    assert back_lon == pytest.approx(lon, abs=1e-7)
    assert float(rmc[3][2:]) < 60
