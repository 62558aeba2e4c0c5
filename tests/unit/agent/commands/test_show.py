import io
import re

import msgspec
import pytest
from rich.console import Console

from agent.commands._show import renderers, show
from agent.words import LANGUAGES, TEXTS, Words
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.evidence import HostLoad, ServerCheck
from wire.kinds import kinds, latency, radio, scan, status, throughput, video
from wire.messages import Outcome, RatLock, RatMode


@pytest.fixture
def shown(record_of):
    def make(kind, payload=None, *, language="en", **changes):
        written = io.StringIO()
        console = Console(file=written, width=160, highlight=False)
        show(console, record_of(kind, payload, **changes), Words(language))
        return written.getvalue()

    return make


WORDS = {
    ("throughput", "en"): [
        "throughput: ok",
        "Download 43.2 Mbit/s",
        "TCP payload, 6 streams, 10.0 s after 2 s warm-up",
        "least 8.0 Mbit/s, most 44.0 Mbit/s; warm-up: 2",
        "4G, network 45204, RSRP -97 dBm, SINR 11 dB, cell 1234567 (PCI 12)",
        "no NR leg in 12 of 12 looks",
        "65.0 MB used (interface wwan0 counted 67.0 MB)",
        "main (192.0.2.1); with a slot, waited 0.2 s",
        "path ok; computer ok (busiest core 41 %, 55 °C)",
        "asked 4g, the modem reads back 4g, the cell agreed throughout: yes",
        "12.00420, 107.69070, error: 4 m",
    ],
    ("throughput", "vi"): [
        "tốc độ: đo xong",
        "Tải xuống 43,2 Mbit/s",
        "tải trọng TCP, 6 luồng, cửa sổ 10,0 s sau 2 s khởi động",
        "không có nhánh NR trong 12 lần xem",
        "đã dùng 65,0 MB (giao diện wwan0 đếm được 67,0 MB)",
        "đúng đường; máy đo đủ sức (lõi bận nhất 41 %, 55 °C)",
    ],
    ("video", "en"): [
        "Video 1080p at 6.1 Mbit/s",
        "reaches 5.0 Mbit/s: yes",
        "plays after 1.2 s",
        "1, 2.5 s in all, the longest 2.5 s",
        "20.0 s of 20 s",
        "1080p: 67 %; 720p: 33 %; 3 of 4 segments whole",
    ],
    ("video", "vi"): ["Video 1080p: 6,1 Mbit/s", "đạt 5,0 Mbit/s: có", "phát sau 1,2 s"],
    ("latency", "en"): [
        "Median round trip 40.2 ms",
        "1 of 11 (9 %)",
        "180.0 ms (it wakes the radio)",
        "ok: 100.0 kB in 0.4 s",
    ],
    ("latency", "vi"): ["Độ trễ trung vị 40,2 ms", "1 trên 11 (9 %)", "được: 100,0 kB trong 0,4 s"],
    ("scan", "en"): ["2 cells heard in 41 s", "45204", "513", "-80", "unknown"],
    ("scan", "vi"): ["nghe được 2 ô trong 41 s", "chưa rõ"],
    ("radio", "en"): [
        "nr-nsa, network 45204, home",
        "LTE; RSRP -90 dBm, RSRQ -10 dB, SINR unknown; cell 77, TAC 300, PCI 16",
        "NR; RSRP -101 dBm",
        "-88",
    ],
    ("radio", "vi"): ["Ô phục vụ", "Nhánh NR", "Ô lân cận"],
}


@pytest.mark.parametrize(("kind", "language"), list(WORDS))
def test_a_record_is_told_in_words(shown, kind, language):
    text = shown(kind, language=language)
    for words in WORDS[kind, language]:
        assert words in text


def test_a_udp_test_says_what_was_sent_and_lost(shown, record_of):
    payload = msgspec.structs.replace(
        record_of("throughput").payload,
        protocol="udp",
        udp_bits_per_second=5e6,
        udp_payload_bytes=1200,
        udp_packets=5200,
        udp_lost_packets=26,
        udp_out_of_order_packets=3,
        udp_loss_share=0.005,
        jitter_ms=4.25,
    )
    text = shown("throughput", payload)
    for words in (
        "5.0 Mbit/s, 1200 B a datagram",
        "26 of 5200 datagrams (0.50 %), 3 out",
        "4.2 ms",
    ):
        assert words in text
    assert "26 trên 5200 gói (0,50 %)" in shown("throughput", payload, language="vi")


def test_what_stopped_a_capacity_test_early_is_told_and_what_the_server_got(shown, record_of):
    payload = msgspec.structs.replace(
        record_of("throughput").payload,
        early_stop=True,
        early_stop_reason="stable",
        planned_window_s=10.0,
        server_received_bytes=50_000_000,
    )
    text = shown("throughput", payload)
    assert "stopped early, as it was certain: stable; planned were 10.0 s" in text
    assert "the server got 50.0 MB in whole bodies" in text
    assert "dừng sớm vì đã rõ: tốc độ ổn định" in shown("throughput", payload, language="vi")


def test_a_latency_check_tells_its_name_server_address_and_what_was_lost(shown, record_of):
    payload = msgspec.structs.replace(
        record_of("latency").payload,
        server="test.example",
        address="2001:db8::1",
        address_family="ipv6",
        dns_ms=61.5,
        dns_server="203.0.113.53",
        lost=(0, 7),
        loss_share=2 / 11,
        received=9,
    )
    text = shown("latency", payload)
    for words in (
        "test.example; 2001:db8::1, ipv6",
        "61.5 ms, asked 203.0.113.53",
        "2 of 11 (18 %): numbers 0 7 (0 is the first)",
    ):
        assert words in text
    assert "2001:db8::1; ipv6" in shown(
        "latency", msgspec.structs.replace(payload, server="2001:db8::1")
    )
    own = msgspec.structs.replace(payload, dns_server=None)
    assert "61.5 ms, asked the computer's own resolver" in shown("latency", own)


def test_a_session_that_adapts_tells_what_was_played(shown, record_of):
    payload = msgspec.structs.replace(
        record_of("video").payload,
        protocol="dash",
        adaptation="buffer",
        manifest_bytes=100_000,
        ip_access_s=0.31,
        stall_share=0.111,
        played_bits_per_second=4.2e6,
        played_height=960.0,
        share_1080=0.7,
        share_2160=0.0,
        switches=2,
        data_capped=True,
    )
    text = shown("video", payload)
    for words in (
        "dash, buffer",
        "first byte after 0.3 s; plays after 1.2 s",
        "the longest 2.5 s (11.1 % of the time)",
        "4.2 Mbit/s in the mean; mean height 960; 1080p or more: 70 %; 2160p or more: 0 %",
        "2 switches",
        "12.6 MB used",
        "stopped: the data it was allowed were used up",
    ):
        assert words in text


def test_a_paced_session_tells_its_answer_and_plays_nothing(shown, record_of):
    payload = video.Payload(
        height=1080,
        protocol="paced",
        media_s=5.0,
        bits_per_second=5.1e6,
        ip_access_s=0.2,
        answer=False,
        answer_error_share=0.06,
        paced_bits_per_second=7.5e6,
        early_stop=True,
    )
    text = shown("video", payload)
    for words in (
        "At least 5 Mbit/s: no (read at 7.5 Mbit/s at most)",
        "up to 6 % above the target",
        "stopped early",
    ):
        assert words in text
    assert renderers()["video"].figure(record_of("video", payload)) is None
    for label in ("Access", "Stalls", "Played", "plays", "Heights"):
        assert label not in text


def test_a_session_that_failed_before_a_byte_came_says_so(shown):
    payload = video.Payload(height=1080, media_s=20.0)
    failed = shown("video", payload, outcome=Outcome.FAILED, reason="request: timeout")
    assert "no byte came; it never played" in failed


def test_other_servers_and_the_servers_clock_are_told(shown, record_of):
    check = ServerCheck(name="second", clock_error_s=-7.5, tried=("main: server: busy",))
    payload = msgspec.structs.replace(record_of("throughput").payload, server_check=check)
    text = shown("throughput", payload)
    assert "its clock is -7.5 s off" in text
    assert "main: server: busy" in text
    assert "server_check" not in text


def test_the_whole_computer_is_told(shown, record_of):
    host = HostLoad(
        samples=12,
        busiest_core_share=0.41,
        softirq_share=0.08,
        core_shares=(0.4, 0.1),
        memory_available_bytes=310_000_000,
        usb_mbit_s=480,
        throttled=0x50000,
    )
    payload = msgspec.structs.replace(record_of("throughput").payload, host=host)
    text = shown("throughput", payload)
    for words in ("40 % 10 %", "packet handling 8 %", "310.0 MB", "USB 480 Mbit/s", "0x50000"):
        assert words in text


def test_a_test_that_was_hardly_looked_at_says_so(shown, record_of):
    little = TestRadio(snapshots=3, coverage=0.31, nr_share=0.0, seconds=12.0)
    payload = msgspec.structs.replace(record_of("throughput").payload, radio=little)
    assert "looks cover only 31 % of the test" in shown("throughput", payload)
    most = msgspec.structs.replace(little, rat_class=RatClass.G4, coverage=0.9)
    payload = msgspec.structs.replace(payload, radio=most)
    assert "the looks cover 90 % of the test" in shown("throughput", payload)


BARE = {
    "throughput": throughput.Payload(direction="up", streams=1, warmup_s=0, window_s=3.0),
    "video": video.Payload(height=1080, media_s=4.0),
    "latency": latency.Payload(method="tcp", sent=0, received=0),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(BARE))
def test_what_is_missing_is_unknown_and_never_zero(shown, kind, language):
    text = shown(kind, BARE[kind], language=language, modem=None, rat_lock=None)
    assert Words(language)("unknown") in text
    assert "None" not in text
    for zero in (" 0.0 ", " 0,0 ", " 0 Mbit", " 0 kbit", " 0 dB", " 0 ms"):
        assert zero not in text


@pytest.mark.parametrize("kind", list(renderers()))
def test_a_page_has_words_for_every_field_of_its_kind(kind):
    fields = {field.name for field in msgspec.structs.fields(kinds()[kind].payload)}
    assert fields == renderers()[kind].SHOWN


def test_a_kind_without_a_page_is_shown_by_its_fields(shown):
    text = shown("status", status.Payload(uptime_s=12.5, outbox_rows=3, workers={"gps": "running"}))
    assert "outbox_rows" in text
    assert "workers.gps" in text


def test_what_was_sent_again_is_told(shown, record_of):
    payload = msgspec.structs.replace(record_of("throughput").payload, retransmits=17)
    assert re.search(r"Resent +17 TCP segments", shown("throughput", payload))


NEVER_RAN = {
    "throughput": throughput.Payload(direction="down", streams=6, warmup_s=2, window_s=10.0),
    "video": video.Payload(
        height=1080,
        protocol="paced",
        media_s=5.0,
        payload_bytes=0,
        outstanding_s=0.01,
        bits_per_second=0.0,
        paced_bits_per_second=7.5e6,
    ),
    "latency": latency.Payload(method="http", sent=1, received=0, lost=(0,), loss_share=1.0),
}
ANSWERS = ("kbit/s", "Mbit/s", "1 of 1", "after 2 s warm-up", "Target", "Access", "Lost", "yes")


@pytest.mark.parametrize("kind", list(NEVER_RAN))
def test_a_test_that_never_ran_says_nothing_of_the_network(shown, kind):
    refused = shown(
        kind, NEVER_RAN[kind], outcome=Outcome.INVALID, reason="server: refused", rat_lock=None
    )
    assert "\nNothing was measured\n" in refused
    stopped = shown(
        kind,
        NEVER_RAN[kind],
        outcome=Outcome.INVALID,
        reason="cancelled by the technician",
        rat_lock=None,
    )
    assert "\nCancelled before anything was measured\n" in stopped
    for answer in ANSWERS:
        assert answer not in refused
        assert answer not in stopped


def test_a_cell_that_no_modem_told_of_is_none_only_without_service(shown):
    look = radio.Payload(registration=radio.RegistrationState.SEARCHING)
    assert re.search(r"Serving cell +none", shown("radio", look, outcome=Outcome.NO_SERVICE))
    silent = shown("radio", radio.Payload(), outcome=Outcome.INVALID, reason="SIM: absent")
    assert "\nNothing was measured\n" in silent
    assert re.search(r"Serving cell +unknown", silent)


def test_a_cancelled_test_gives_what_it_saw_as_no_result(shown, record_of):
    stopped = {"outcome": Outcome.INVALID, "reason": "cancelled by the technician"}
    whole = record_of("throughput").payload
    payload = msgspec.structs.replace(
        whole, cut_off=True, intervals=whole.intervals[:4], bits_per_second=4e6
    )
    text = shown("throughput", payload, **stopped)
    assert "Cancelled after 4.0 s; until then about: Download 18.0 Mbit/s" in text
    assert "ran 4.0 s of 12 s planned" in text
    assert "warm-up, " not in text
    text = shown("latency", **stopped)
    assert "Cancelled after 11 trips; until then about: Median round trip 40.2 ms" in text
    assert "Lost" not in text
    text = shown("video", **stopped)
    assert "Cancelled after 16.0 s; until then about: Video 1080p at 6.1 Mbit/s" in text
    assert "Target" not in text


def test_stand_alone_nr_is_called_so(shown, record_of):
    alone = TestRadio(
        rat_class=RatClass.G5, snapshots=14, nr_share=1.0, cell_id=2_621_771_777, coverage=1.0
    )
    payload = msgspec.structs.replace(record_of("throughput").payload, radio=alone)
    assert "5G stand-alone at the start, NR in 14 of 14 looks" in shown("throughput", payload)
    endc = msgspec.structs.replace(alone, cell_id=1_234_567)
    payload = msgspec.structs.replace(payload, radio=endc)
    text = shown("throughput", payload)
    assert "; NR in 14 of 14 looks" in text
    lock = RatLock(asked=RatMode.G5_SA, read_back=RatMode.G5_SA, serving_agreed=True)
    assert "; 5G stand-alone, NR in 14" in shown("throughput", payload, rat_lock=lock)
    look = radio.Payload(mode="nr-sa", serving=Cell(rat=Rat.NR, cell_id=2_621_771_777))
    text = shown("radio", look)
    assert "no LTE anchor: NR serves alone" in text
    assert "NR leg" not in text


def test_a_reason_is_explained_behind_its_own_words(shown):
    text = shown("latency", language="vi", outcome=Outcome.INVALID, reason="server: busy")
    assert "server: busy (máy chủ đang bận)" in text
    text = shown("latency", language="vi", outcome=Outcome.NO_SERVICE)
    assert "không có dịch vụ" in text


def test_what_the_computer_does_not_say_is_left_out(shown, record_of):
    host = HostLoad(samples=12, busiest_core_share=0.38)
    payload = msgspec.structs.replace(record_of("throughput").payload, host=host)
    text = shown("throughput", payload)
    assert "computer ok (busiest core 38 %)" in text
    assert "s1" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["throughput", "video", "latency", "scan", "radio"])
def test_on_80_columns_no_label_is_broken(record_of, kind, language):
    written = io.StringIO()
    console = Console(
        file=written, force_terminal=True, width=80, color_system=None, soft_wrap=True
    )
    show(console, record_of(kind, outcome=Outcome.FAILED, reason="x"), Words(language))
    lines = written.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    texts = [line for line in lines if "  " in line and line[0] not in "┃│ "]
    labels = {line.partition("  ")[0] for line in texts}
    known = {text for key, text in TEXTS[language].items() if key.startswith("label.")}
    assert labels <= known


@pytest.mark.parametrize(
    ("outcome", "reason", "advice"),
    [
        (Outcome.INVALID, "dns: timeout", "check the SIM's APN"),
        (Outcome.FAILED, "connect: timeout", "cannot be reached"),
        (Outcome.INVALID, "server: busy", "Wait a minute"),
        (Outcome.INVALID, "server: HTTP 503", "Tell who runs it"),
        (Outcome.INVALID, "portal: HTTP 302", "no data left"),
        (Outcome.INVALID, "probe: wrong path", "ip rule"),
        (Outcome.INVALID, "host: core 0 full", "The computer was the limit"),
        (Outcome.SKIPPED, "budget: used up", "data budget"),
        (Outcome.INVALID, "probe: data cap before the window", "data budget"),
        (Outcome.INVALID, "cancelled by the technician", "stopped half-way"),
        (Outcome.SKIPPED, "needs: A has enough samples at this hour", "drive on"),
        (Outcome.SKIPPED, "temperature: 88 C", "give it air or shade"),
        (Outcome.SKIPPED, "under-voltage", "supply is too weak"),
        (Outcome.SKIPPED, "no scan for nr: this modem knows 4g only", "has no radio for that"),
        (Outcome.SKIPPED, "/dev/ttyUSB2 no scan for nr: this modem", "has no radio for that"),
        (Outcome.SKIPPED, "quiet hours", "quiet at this hour"),
        (Outcome.INVALID, "interface: address changed (transfer: reset)", "connected anew"),
        (Outcome.MODEM_GONE, "interface: wwan0 is gone", "interface went"),
        (Outcome.INVALID, "probe: the test hung", "left behind"),
        (Outcome.INVALID, "probe: ping_group_range 1 0 has none of our groups", "dosong-ping"),
        (Outcome.FAILED, "something new", "Test once more and keep both"),
        (Outcome.MODEM_GONE, None, "check its plug"),
        (Outcome.NO_SERVICE, None, "no service here"),
    ],
)
def test_a_test_that_did_not_go_well_has_its_next_step(shown, outcome, reason, advice):
    text = shown("latency", outcome=outcome, reason=reason)
    assert advice in text
    vietnamese = shown("latency", language="vi", outcome=outcome, reason=reason)
    assert "Làm gì tiếp" in vietnamese


def test_a_good_test_needs_no_next_step(shown):
    assert "What next" not in shown("latency")


def test_a_wrong_path_and_a_weak_computer_cannot_be_overlooked(shown, record_of):
    assert "WRONG PATH" in shown("throughput", outcome=Outcome.INVALID, reason="probe: wrong path")
    weak = HostLoad(samples=3, limited_by="one core was full")
    payload = msgspec.structs.replace(record_of("throughput").payload, host=weak)
    reason = f"host: {weak.limited_by}"
    blamed = shown("throughput", payload, outcome=Outcome.INVALID, reason=reason)
    assert "THE COMPUTER IS THE LIMIT: one core was full" in blamed
    assert "Download 43.2 Mbit/s - DOES NOT COUNT" in blamed
    other = shown("throughput", payload, outcome=Outcome.INVALID, reason="server: busy")
    assert "THE COMPUTER IS" not in other
    assert "near its limit, too: one core was full" in other


def test_a_test_that_was_stopped_is_not_blamed_on_the_link(shown, record_of):
    payload = msgspec.structs.replace(record_of("throughput").payload, cut_off=True)
    stopped = shown("throughput", payload, outcome=Outcome.INVALID, reason="probe: cancelled")
    assert "the link died" not in stopped
    assert "the link died" in shown("throughput", payload, outcome=Outcome.FAILED)


def test_an_nr_leg_is_counted_in_looks_with_service(shown, record_of):
    radio = TestRadio(
        rat_class=RatClass.MIXED, snapshots=12, snapshots_without_service=2, nr_share=0.3
    )
    payload = msgspec.structs.replace(record_of("throughput").payload, radio=radio)
    text = shown("throughput", payload)
    assert "several technologies, network" in text
    assert "NR in 3 of 10 looks" in text
    assert "no service in 2 of 12 looks" in text


def test_words_of_others_are_no_markup(shown):
    text = shown("latency", outcome=Outcome.FAILED, reason="server: [bold]x[/bold] [/]")
    assert "server: [bold]x[/bold] [/]" in text


def test_nothing_a_server_or_a_modem_wrote_moves_the_terminal(shown):
    evil = "\x1b[2J\x1b]0;x\x07\r"
    cell = Cell(rat=Rat.LTE, mcc=evil, mnc="04")
    payload = scan.Payload(command=evil, duration_s=1.0, cells=(cell,), unread=evil)
    text = shown("scan", payload, outcome=Outcome.INVALID, reason=f"server: {evil}")
    assert set(text) & set(evil) <= set("[2J]0;x")
    assert "\\x1b" in text
