"""Records of the kinds that `campaigns.Campaign` has no word for: checks, scans, transfers."""

from collector.kpi import kpis
from collector.targets import load
from tests.unit.collector.campaigns import OCTOBER, ground
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.kinds.latency import Payload as Latency
from wire.kinds.scan import Payload as Scan
from wire.kinds.throughput import Payload as Throughput
from wire.messages import Outcome

TARGETS = {target.id: target for target in load()}


def measured(target, source, *, period, levels=("commune",), **where):
    """What the target's KPI finds in a source."""
    one = TARGETS[target]
    return kpis()[one.kpi.name].measure(
        source,
        ground=ground(**where),
        levels=levels,
        period=period,
        threshold=one.thresholds[0].value,
        parameters=one.parameters,
    )


def check(campaign, *, dns_ms=40.0, first_rtt_ms=60.0, received=11, at=OCTOBER, **more):
    """One latency and data check."""
    served = more.get("outcome") is not Outcome.NO_SERVICE
    payload = Latency(
        method="http",
        sent=11,
        received=received,
        dns_ms=dns_ms,
        first_rtt_ms=first_rtt_ms,
        data_ok=more.pop("data_ok", received > 0),
        radio=TestRadio(
            rat_class=more.pop("rat_class", RatClass.G4) if served else None,
            plmn=more.pop("plmn", "45204") if served else None,
            cell_id=more.pop("cell_id", 1) if served else None,
        ),
    )
    campaign.add("latency", payload, at=at, profile="latency", **more)


def transfer(campaign, rate_mbit_s, *, moved_bytes, at=OCTOBER, **more):
    """One capacity test that moved so many bytes, warm-up included."""
    payload = Throughput(
        direction=more.pop("direction", "down"),
        streams=6,
        warmup_s=2.0,
        window_s=10.0,
        bits_per_second=None if rate_mbit_s is None else rate_mbit_s * 1e6,
        cut_off=more.pop("cut_off", False),
        total_payload_bytes=moved_bytes,
        radio=TestRadio(rat_class=RatClass.G4, plmn="45204", cell_id=1),
    )
    more.setdefault("profile", "tcp-6x10s-down")
    campaign.add("throughput", payload, at=at, **more)


def scan(campaign, cells=(), *, at=OCTOBER, rats=(Rat.GSM,), unread=None, **more):
    """One scan that heard these cells: (PLMN, LAC, CI, ARFCN), of GSM."""
    heard = tuple(
        Cell(rat=Rat.GSM, mcc=plmn[:3], mnc=plmn[3:], lac=lac, cell_id=ci, arfcn=arfcn)
        for plmn, lac, ci, arfcn in cells
    )
    payload = Scan(
        command="AT+QSCAN",
        duration_s=30.0,
        rats=rats,
        cells=(*heard, *more.pop("other_cells", ())),
        unread=unread,
    )
    campaign.add("scan", payload, at=at, **more)
