"""A record of each kind, as the agent hands it over."""

from uuid import UUID

import pytest

from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.evidence import HostLoad, ServerCheck
from wire.kinds import latency, radio, scan, throughput, video
from wire.messages import Measurement, Modem, Outcome, Position, PositionSource, RatLock, RatMode

SERVED = TestRadio(
    rat_class=RatClass.G4,
    snapshots=12,
    nr_share=0.0,
    plmn="45204",
    cell_id=1_234_567,
    pci=12,
    rsrp_dbm=-97.0,
    sinr_db=11.0,
)
PAYLOADS = {
    "throughput": throughput.Payload(
        direction="down",
        streams=6,
        warmup_s=2,
        window_s=10.0,
        payload_bytes=54_000_000,
        bits_per_second=43.2e6,
        intervals=tuple(
            throughput.Interval(
                start_s=second,
                duration_s=1.0,
                payload_bytes=1_000_000 + 500_000 * second,
                warmup=second < 2,
            )
            for second in range(10)
        ),
        interface="wwan0",
        interface_rx_bytes=67_000_000,
        total_payload_bytes=65_000_000,
        server="192.0.2.1",
        radio=SERVED,
        host=HostLoad(samples=12, busiest_core_share=0.41, temperature_c=55.0),
        server_check=ServerCheck(name="main", slot="s1", waited_s=0.2),
    ),
    "video": video.Payload(
        height=1080,
        media_s=20,
        bits_per_second=6.1e6,
        outstanding_s=17.0,
        access_s=1.24,
        stalls=1,
        stall_total_s=2.5,
        stall_longest_s=2.5,
        played_s=20.0,
        payload_bytes=12_500_000,
        segments=tuple(
            video.Segment(
                index=index,
                height=1080 if index else 720,
                media_s=5,
                payload_bytes=2_500_000,
                requested_s=5.0 * index,
                outstanding_s=4.0 - index,
                complete=index < 3,
            )
            for index in range(4)
        ),
        radio=SERVED,
    ),
    "latency": latency.Payload(
        method="http",
        sent=11,
        received=10,
        first_rtt_ms=180.0,
        rtt_ms=(30.0, 40.0, 50.0),
        median_ms=40.25,
        jitter_ms=10.0,
        data_bytes=100_000,
        data_s=0.42,
        data_ok=True,
        radio=SERVED,
    ),
    "scan": scan.Payload(
        command="AT+COPS=?",
        duration_s=41.0,
        cells=(
            Cell(rat=Rat.GSM, mcc="452", mnc="04", arfcn=513, bsic=9, rssi_dbm=-80.0),
            Cell(rat=Rat.LTE, mcc="452", mnc="02", arfcn=1300, pci=16),
        ),
    ),
    "radio": radio.Payload(
        mode="nr-nsa",
        plmn="45204",
        registration=radio.RegistrationState.HOME,
        serving=Cell(
            rat=Rat.LTE,
            cell_id=77,
            tac=300,
            pci=16,
            arfcn=1300,
            band=3,
            rsrp_dbm=-90.0,
            rsrq_db=-9.5,
        ),
        nr=Cell(rat=Rat.NR, pci=500, arfcn=627_264, rsrp_dbm=-101.0, sinr_db=4.0),
        neighbours=(Cell(rat=Rat.WCDMA, psc=55, rscp_dbm=-88.0),),
    ),
}


@pytest.fixture
def record_of():
    def make(kind, payload=None, **changes):
        fields = {
            "probe": "dn-01",
            "epoch": UUID(int=0),
            "seq": 0,
            "kind": kind,
            "schema": 1,
            "boot_id": UUID(int=1),
            "mono_ns": 1,
            "software": "test",
            "outcome": Outcome.OK,
            "modem": Modem(usb_path="1-1", name="viettel", model="RM520N-GL", imei="86"),
            "rat_lock": RatLock(asked=RatMode.G4, read_back=RatMode.G4, serving_agreed=True),
            "position": Position(
                source=PositionSource.GNSS, lat_deg=12.0042, lon_deg=107.6907, horizontal_error_m=4
            ),
            "payload": PAYLOADS[kind] if payload is None else payload,
        }
        return Measurement(**(fields | changes))

    return make
