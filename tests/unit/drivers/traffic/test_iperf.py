import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.traffic.iperf import (
    UnreadableIperfReportError,
    as_acknowledged,
    failure,
    read_report,
)
from tests.unit.drivers.traffic.ends import REPORTS
from wire.kinds.throughput import Interval
from wire.messages import Outcome

DOWN = (REPORTS / "down-2x2s-3.12.json").read_text()
UP = (REPORTS / "up-2x2s-3.12.json").read_text()
UDP_DOWN = (REPORTS / "udp-down-2x2s-3.12.json").read_text()
UDP_UP = (REPORTS / "udp-up-2x2s-3.12.json").read_text()
ENDED_EARLY = (REPORTS / "down-half-seconds-ended-early-3.12.json").read_text()


def broken(report: str, *, keep: int, repeat_last: bool = False) -> str:
    """As libiperf 3.12 leaves a report when its control connection is cut."""
    raw = json.loads(report)
    raw["intervals"] = raw["intervals"][:keep]
    if repeat_last:
        raw["intervals"].append(raw["intervals"][-1])
    raw["end"] = {}
    raw["error"] = "unable to send control message: Broken pipe"
    return json.dumps(raw)


def test_intervals_hold_the_payload_of_all_streams_and_mark_the_warm_up():
    report = read_report(DOWN)
    raw = json.loads(DOWN)["intervals"]
    assert [each.warmup for each in report.intervals] == [True, False, False]
    assert [each.payload_bytes for each in report.intervals] == [
        sum(stream["bytes"] for stream in interval["streams"]) for interval in raw
    ]


def test_the_clock_of_intervals_runs_through_the_warm_up():
    starts = [each.start_s for each in read_report(DOWN).intervals]
    assert starts == sorted(starts)
    assert starts[-1] == pytest.approx(2.0, abs=0.01)


def test_a_warm_up_shorter_than_an_interval_is_told_by_nothing_and_lasts_all_the_same():
    raw = json.loads(DOWN)
    del raw["intervals"][0]
    starts = [each.start_s for each in read_report(json.dumps(raw)).intervals]
    assert starts == pytest.approx([1.0, 2.0], abs=0.01)


def test_an_upload_has_what_the_server_received_in_the_window():
    report = read_report(UP)
    received = json.loads(UP)["end"]["sum_received"]
    assert (report.received_bytes, report.received_s) == (received["bytes"], received["seconds"])
    assert report.retransmits == json.loads(UP)["end"]["sum_sent"]["retransmits"]
    assert report.connected
    assert report.error is None


def test_datagrams_are_counted_by_their_receiver():
    down, up = read_report(UDP_DOWN), read_report(UDP_UP)
    assert (down.udp.packets, down.udp.lost_packets, down.udp.out_of_order_packets) == (832, 0, 0)
    assert down.udp.jitter_ms == pytest.approx(0.0084, abs=1e-4)
    assert down.received_bytes == 998_400
    assert (up.udp.packets, up.udp.lost_packets) == (832, 0)
    assert up.received_bytes == 832 * 1200
    assert read_report(DOWN).udp is None


def test_older_versions_tell_the_receivers_losses_beside_the_senders_bytes():
    raw = json.loads(UDP_UP)
    del raw["end"]["sum_sent"], raw["end"]["sum_received"]
    raw["end"]["sum"]["lost_packets"] = 32
    report = read_report(json.dumps(raw))
    assert report.udp.lost_packets == 32
    assert report.received_bytes == 800 * 1200


def test_a_broken_download_of_datagrams_has_the_losses_of_its_intervals():
    raw = json.loads(broken(UDP_DOWN, keep=3))
    raw["intervals"][1]["sum"]["lost_packets"] = 5
    udp = read_report(json.dumps(raw)).udp
    assert (udp.packets, udp.lost_packets, udp.out_of_order_packets) == (832, 5, None)
    assert read_report(broken(UDP_UP, keep=3)).udp is None


def test_the_part_of_the_warm_up_that_is_dropped_is_not_given_to_the_window():
    """Its second half second came to its end just as the window began."""
    report = read_report(ENDED_EARLY)
    raw = json.loads(ENDED_EARLY)["intervals"]
    assert raw[1]["sum"]["seconds"] == pytest.approx(1.0, abs=0.01)
    assert report.intervals[1].duration_s == pytest.approx(0.5, abs=0.01)
    assert report.intervals[1].start_s == pytest.approx(1.0, abs=0.01)
    window = [each for each in report.intervals if not each.warmup]
    assert sum(each.duration_s for each in window) == pytest.approx(report.received_s, abs=0.01)
    assert report.error is None


def test_an_uploads_intervals_hold_what_had_arrived():
    written = read_report(UP).intervals
    samples = [(0.0, 10), (0.5, 510), (1.5, 1510), (2.0, 2010)]  # then the link was dead
    arrived = as_acknowledged(written, samples)
    assert [each.payload_bytes for each in arrived] == pytest.approx([1010, 1000, 0], abs=2)
    assert [each.duration_s for each in arrived] == [each.duration_s for each in written]
    assert sum(each.payload_bytes for each in arrived) == pytest.approx(2010, abs=2)


def test_what_arrived_between_two_intervals_is_in_neither():
    """A part of the warm-up that libiperf dropped."""
    written = [
        Interval(start_s=0.0, duration_s=0.5, payload_bytes=9, warmup=True),
        Interval(start_s=1.0, duration_s=0.5, payload_bytes=9),
    ]
    arrived = as_acknowledged(written, [(0.0, 0), (2.0, 2000)])
    assert [each.payload_bytes for each in arrived] == [500, 500]


@pytest.mark.parametrize("keep", [0, 1, 2, 3])
def test_a_broken_test_keeps_the_intervals_it_had(keep):
    report = read_report(broken(DOWN, keep=keep))
    assert len(report.intervals) == keep
    assert report.received_bytes is None
    assert report.error is not None


def test_the_interval_that_a_broken_test_prints_twice_counts_once():
    assert read_report(broken(UP, keep=2, repeat_last=True)) == read_report(broken(UP, keep=2))


def test_a_test_that_never_connected_has_neither_streams_nor_intervals():
    refused = read_report(
        '{"start":{"connected":[],"version":"iperf 3.12"},"intervals":[],"end":{},'
        '"error":"unable to connect to server: Connection refused"}'
    )
    assert not refused.connected
    assert refused.intervals == ()


@given(st.integers(min_value=0, max_value=len(DOWN) - 3))
def test_a_report_cut_anywhere_is_unreadable_and_nothing_else(cut):
    with pytest.raises(UnreadableIperfReportError):
        read_report(DOWN[:cut])


@pytest.mark.parametrize(
    "text",
    ['{"intervals": 7}', '{"intervals": [{"sum": {"bytes": "x", "seconds": 1}}]}', "[]", "null"],
)
def test_json_of_another_shape_is_unreadable(text):
    with pytest.raises(UnreadableIperfReportError):
        read_report(text)


@pytest.mark.parametrize(
    ("said", "connected", "reason", "outcome"),
    [
        ("unable to connect to server: Connection refused", False, "server: refused", "invalid"),
        ("unable to connect to server: Connection timed out", False, "connect: timeout", "failed"),
        (
            "unable to connect to server: Operation now in progress",
            False,
            "connect: timeout",
            "failed",
        ),
        (
            "unable to connect to server: No route to host",
            False,
            "connect: host unreachable",
            "failed",
        ),
        (
            "unable to receive control message: Connection reset by peer",
            True,
            "transfer: reset",
            "failed",
        ),
        (
            "control socket has closed unexpectedly",
            True,
            "transfer: closed by the server",
            "failed",
        ),
        ("the server is busy running a test. try again later", False, "server: busy", "invalid"),
        ("the server has terminated", True, "server: terminated", "invalid"),
        (
            "unable to connect to server: No such device",
            False,
            "bind: no such interface",
            "modem_gone",
        ),
        (
            "received an unknown control message (ensure other side is iperf3 and not iperf)",
            False,
            "server: does not speak iperf3",
            "invalid",
        ),
        ("error - something new", True, "transfer: something new", "failed"),
    ],
)
def test_an_error_text_becomes_outcome_stage_and_reason(said, connected, reason, outcome):
    error = failure(said, connected=connected)
    assert (error.reason, error.outcome) == (reason, Outcome(outcome))
