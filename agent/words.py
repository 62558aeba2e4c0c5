"""What a technician is told, in Vietnamese and English."""

import os
from collections.abc import Iterable, Mapping

LANGUAGES = ("vi", "en")
MEGA, KILO = 1e6, 1e3


def language_of(environment: Mapping[str, str] = os.environ) -> str:
    """The language the terminal is set to (locale(7)): Vietnamese, or English for any other."""
    said = next((environment[name] for name in _LOCALE if environment.get(name)), "")
    return "vi" if said.lower().startswith("vi") else "en"


def printable(text: str) -> str:
    """The same without anything a terminal would obey: servers and modems wrote parts of it."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def longest_beginning(reason: str, beginnings: Iterable[str]) -> str | None:
    """Which of these says most of what a record's reason says; the port in front is passed over."""
    said = reason.partition(" ")[2] if reason.startswith("/") else reason
    return max((each for each in beginnings if said.startswith(each)), key=len, default=None)


class Words:
    """One language: its sentences, and numbers as it writes them. Unknown is a word, never 0."""

    def __init__(self, language: str) -> None:
        """`vi` or `en`."""
        self._language = language
        self._texts = TEXTS[language]
        self._advice = ADVICE[language]
        self._commas = language == "vi"

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of this name; raises KeyError for one that is not."""
        return self._texts[key].format(**values)

    def named(self, group: str, name: str) -> str:
        """The word for a value of a record; the value itself where there is none."""
        return self._texts.get(f"{group}.{name}", name)

    def meaning(self, reason: str) -> str | None:
        """What the reason of a record means in this language; None where it says so itself."""
        meanings = MEANINGS.get(self._language, {})
        beginning = longest_beginning(reason, meanings)
        return None if beginning is None else meanings[beginning]

    def stage(self, stage: str) -> str:
        """Of a test that runs: `segment 3 of 5`; as the program says it where there is no word."""
        for key, text in self._texts.items():
            begin = key.removeprefix("stage.")
            if begin != key and f"{stage} ".startswith(f"{begin} "):
                return text + stage.removeprefix(begin).replace(" of ", "/")
        return stage

    def advice(self, key: str) -> str:
        """What to do next; raises KeyError."""
        return self._advice[key]

    def number(self, value: float | None, unit: str = "", *, decimals: int = 0) -> str:
        """`-97 dBm`, `43.2 s`; in Vietnamese `43,2 s`."""
        if value is None:
            return self("unknown")
        text = f"{value:.{decimals}f}"
        if self._commas:
            text = text.replace(".", ",")
        return f"{text} {unit}".rstrip()

    def rate(self, bits_per_second: float | None) -> str:
        """In Mbit/s; below one in kbit/s."""
        if bits_per_second is not None and bits_per_second < MEGA:
            return self.number(bits_per_second / KILO, "kbit/s")
        megabits = None if bits_per_second is None else bits_per_second / MEGA
        return self.number(megabits, "Mbit/s", decimals=1)

    def data(self, size_bytes: int | None) -> str:
        """In MB of a million bytes; below one in kB."""
        if size_bytes is not None and size_bytes < MEGA:
            return self.number(size_bytes / KILO, "kB", decimals=1)
        megabytes = None if size_bytes is None else size_bytes / MEGA
        return self.number(megabytes, "MB", decimals=1)

    def share(self, value: float | None, *, decimals: int = 0) -> str:
        """In percent."""
        return self.number(None if value is None else 100 * value, "%", decimals=decimals)

    def text(self, value: object) -> str:
        """A value as it is, or that it is unknown."""
        return self("unknown") if value is None else str(value)

    def yes(self, value: bool | None) -> str:  # noqa: FBT001  # it is the value itself
        """Yes, no or unknown."""
        return self("unknown" if value is None else "yes" if value else "no")


_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")

TEXTS = {
    "vi": {
        "unknown": "chưa rõ",
        "yes": "có",
        "no": "không",
        "kind.throughput": "tốc độ",
        "kind.video": "xem video",
        "kind.latency": "độ trễ",
        "kind.scan": "quét tìm ô",
        "kind.radio": "vô tuyến",
        "outcome.ok": "đo xong",
        "outcome.slow": "đo xong nhưng chậm",
        "outcome.failed": "lỗi do mạng",
        "outcome.no_service": "không có dịch vụ",
        "outcome.modem_gone": "mất modem",
        "outcome.skipped": "không đo",
        "outcome.invalid": "không hợp lệ (không tính cho mạng)",
        "down": "Tải xuống {rate}",
        "up": "Tải lên {rate}",
        "not_counted": "{figure} - KHÔNG TÍNH",
        "no_figure": "Chưa đo được gì",
        "no_answer": "Không lần nào được trả lời",
        "stopped_after": "Đã hủy sau {time}; đến lúc đó khoảng: {so_far}",
        "stopped_trips": "Đã hủy sau {trips} lượt; đến lúc đó khoảng: {so_far}",
        "stopped_before": "Đã hủy khi chưa đo được gì",
        "streams": "tải trọng {protocol}, {streams} luồng",
        "window": "cửa sổ {window} sau {warmup} khởi động",
        "ran": "đã chạy {ran} trong {planned} dự định",
        "never_ran": "chưa chạy lúc nào",
        "label.rate": "Tốc độ",
        "label.course": "Từng giây",
        "course": "{chart}  thấp nhất {least}, cao nhất {most}; khởi động: {warmup}",
        "label.network": "Mạng",
        "network": "{technology}, mạng {plmn}, RSRP {rsrp}, SINR {sinr}, ô {cell} (PCI {pci})",
        "mixed": "nhiều công nghệ",
        "nr": "có NR trong {with_nr}/{looks} lần xem",
        "stand_alone": "5G độc lập (SA)",
        "stand_alone_at_start": "5G độc lập (SA) lúc đầu",
        "no_nr": "không có nhánh NR trong {looks} lần xem",
        "without_service": "mất dịch vụ trong {without}/{looks} lần xem",
        "not_looked": "chưa rõ: không xem được ô phục vụ lần nào",
        "label.lock": "Khóa",
        "lock": "yêu cầu {asked}, modem báo {read_back}, ô phục vụ đúng suốt phép đo: {agreed}",
        "label.data": "Dữ liệu",
        "data": "đã dùng {total} ({counted})",
        "counted": "giao diện {interface} đếm được {counted}",
        "data_uncounted": "đã dùng {total} (không giao diện nào đếm)",
        "label.server": "Máy chủ",
        "slot": "có giữ chỗ, chờ {waited}",
        "control": "máy chủ đạt {rate} lúc kiểm tra {age} trước",
        "label.proof": "Kiểm chứng",
        "path_ok": "đúng đường",
        "path_wrong": "SAI ĐƯỜNG: dữ liệu không đi qua modem này",
        "path_bound": "gắn với {interface}, không đếm byte",
        "path_unused": "gắn với {interface}, chưa có dữ liệu để kiểm chứng",
        "path_unknown": "đường đi chưa kiểm chứng",
        "host_ok": "máy đo đủ sức",
        "busiest": "lõi bận nhất {share}",
        "host_limited": "MÁY ĐO QUÁ TẢI: {why}",
        "host_strained": "máy đo cũng sát giới hạn: {why}",
        "host_unknown": "máy đo: chưa rõ",
        "cut_off": "đường truyền đứt giữa chừng; phần còn lại tính là không",
        "ended_early": "phép đo dừng sớm; tốc độ tính phần còn lại là không",
        "asking": "đang hỏi dịch vụ",
        "label.note": "Lưu ý",
        "label.sim": "SIM",
        "label.modem": "Modem",
        "label.where": "Vị trí",
        "where": "{lat}; {lon}, sai số: {error}",
        "nowhere": "không có vị trí",
        "label.next": "Làm gì tiếp",
        "label.target": "Chỉ tiêu",
        "reaches": "đạt {target}: {yes}",
        "video": "Video {height}p: {rate}",
        "video_rate": "{rate} khi đang tải ({outstanding})",
        "label.access": "Bắt đầu",
        "access": "phát sau {access}",
        "never_played": "chưa bao giờ phát được",
        "label.stalls": "Dừng hình",
        "stalls": "{stalls} lần, tổng {total}, dài nhất {longest}",
        "stall_share": " ({share} thời gian)",
        "label.played": "Đã phát",
        "played": "{played} trên {media}",
        "label.heights": "Độ nét",
        "height": "{height}p: {share}",
        "segments": "{whole}/{all} đoạn trọn vẹn",
        "label.segments": "Từng đoạn",
        "latency": "Độ trễ trung vị {median}",
        "label.loss": "Mất gói",
        "loss": "{lost} trên {sent} ({share})",
        "label.jitter": "Biến động trễ (jitter)",
        "label.first": "Lần đầu",
        "first": "{first} (gồm cả đánh thức vô tuyến)",
        "label.check": "Tải thử",
        "check_ok": "được: {size} trong {time}",
        "check_failed": "không được: {size} trong {time}",
        "check_none": "không làm",
        "label.method": "Cách đo",
        "scan": "nghe được {cells} ô trong {time}",
        "cell.rat": "công nghệ",
        "cell.plmn": "mạng",
        "cell.arfcn": "kênh",
        "cell.band": "băng tần",
        "cell.id": "ô",
        "cell.code": "PCI, PSC, BSIC",
        "cell.level": "mức sóng (dBm)",
        "unread": "modem trả lời mà chương trình không hiểu: {text}",
        "of_plmn": "mạng {plmn}",
        "nothing_heard": "Modem không nghe thấy gì",
        "registration.home": "đã đăng ký mạng nhà",
        "registration.roaming": "đang chuyển vùng",
        "registration.searching": "đang tìm mạng",
        "registration.denied": "bị mạng từ chối",
        "registration.emergency": "chỉ gọi khẩn cấp",
        "registration.idle": "không đăng ký, không tìm mạng",
        "registration.unknown": "chưa rõ đăng ký",
        "label.rrc": "Kết nối",
        "rrc.noconn": "rỗi",
        "rrc.connect": "đang kết nối",
        "rrc.limsrv": "dịch vụ hạn chế",
        "rrc.search": "đang tìm mạng",
        "label.rats": "Đã tìm",
        "alone": "không có ô LTE neo: NR phục vụ một mình (5G SA)",
        "label.serving": "Ô phục vụ",
        "label.nr": "Nhánh NR",
        "label.carriers": "Sóng mang phụ",
        "label.neighbours": "Ô lân cận",
        "none": "không có",
        "cell_id": "ô {cell}",
        "channel": "kênh {arfcn}",
        "band": "băng tần {band}",
        "levels": "RSRP {rsrp}, RSRQ {rsrq}, SINR {sinr}",
        "levels_2g": "RSSI {rssi}",
        "levels_3g": "RSCP {rscp}, Ec/Io {ecio}",
        "label.temperature": "Nhiệt độ",
        "summary": "{runs} lần đo, {failed} lần không đạt; {what}: trung vị {median},"
        " từ {least} đến {most}",
        "summary_none": "{runs} lần đo, {failed} lần không đạt, không có con số nào",
        "by_service": "Dịch vụ đang chạy: dịch vụ sẽ đo, kết quả được gửi đi như mọi phép đo.",
        "interrupted": "đã dừng theo yêu cầu",
        "opening": "đang mở modem",
        "waiting": "chờ đến lượt",
        "elapsed": "đã {elapsed}",
        "left": "còn khoảng {left}",
        "seen_little": "chưa rõ: chỉ {coverage} thời gian đo có lần xem, cần 80 %",
        "coverage": "xem được ô phục vụ trong {coverage} thời gian đo",
        "server_clock": "đồng hồ lệch {error}",
        "label.tried": "Đã thử",
        "label.computer": "Máy đo",
        "cores": "từng lõi bận {shares}",
        "softirq": "xử lý gói {share}",
        "memory": "bộ nhớ còn ít nhất {least}",
        "usb": "USB {rate}",
        "throttled": "cờ nguồn và nhiệt {bits}",
        "label.sent": "Đã gửi",
        "udp_sent": "{rate}, mỗi gói {size}",
        "udp_loss": "{lost} trên {sent} gói ({share}), {late} gói sai thứ tự",
        "early_stop": "dừng sớm vì đã rõ: {why}; cửa sổ dự định {planned}",
        "early.stable": "tốc độ ổn định",
        "early.at least": "đạt ít nhất",
        "early.below": "dưới",
        "early.data cap": "hết dữ liệu cho phép",
        "label.received": "Máy chủ nhận",
        "received": "{received} trong các phần đã gửi xong",
        "label.name": "Tên miền",
        "name": "{time}, hỏi {server}",
        "own_resolver": "bộ phân giải của máy đo",
        "lost": "các lần thứ {which} (0 là lần đầu)",
        "early_no": "dừng sớm: không thể đạt chỉ tiêu được nữa",
        "data_capped": "dừng vì hết dữ liệu cho phép",
        "answer_error": "mạng chỉ hơn chỉ tiêu tới {share} vẫn có thể bị đánh là không đạt",
        "paced_answer": "Ít nhất {target}: {yes} (chỉ đọc tối đa {most})",
        "target": "chỉ tiêu",
        "label.error": "Sai số",
        "label.resent": "Gửi lại",
        "resent": "{segments} gói TCP",
        "protocol.synthetic": "đoạn mô phỏng",
        "protocol.paced": "đọc theo nhịp",
        "adaptation.fixed": "một độ nét cố định",
        "adaptation.throughput": "độ nét theo tốc độ",
        "adaptation.buffer": "độ nét theo bộ đệm",
        "played_rate": "trung bình {rate}",
        "played_height": "độ nét trung bình {height}",
        "height_or_more": "từ {height}p: {share}",
        "switches": "đổi độ nét {switches} lần",
        "first_byte": "byte đầu sau {first}",
        "never_came": "không byte nào tới",
        "status.probe": "Máy đo {probe} {state} ({software})",
        "status.measures": "đang đo",
        "status.stopped": "không chạy",
        "status.position": "vị trí:    {place}",
        "status.nowhere": "chưa có",
        "status.time": "giờ:       {time}",
        "status.timeless": "chưa biết",
        "status.link": "kết nối:   {link}",
        "status.path": "{link} qua {path}",
        "status.no_uplink": "không cấu hình đường gửi",
        "status.outbox": "bản ghi:   {rows} còn chờ gửi, {made} đã tạo",
        "status.columns": "modem|trạng thái|loại|mạng|công nghệ|RSRP dBm|SINR dB|khóa|GB",
        "link.connected": "đã nối",
        "link.offline": "mất kết nối",
        "state.ok": "tốt",
        "state.starting": "đang mở",
        "state.skipped": "chưa xem được",
        "state.no_service": "không có dịch vụ",
        "state.modem_gone": "mất modem",
        "state.invalid": "trả lời sai",
        "next.not_running": "Dịch vụ đo không chạy: `systemctl start dosong-agent`; nếu lại dừng,"
        " `journalctl -u dosong-agent -n 50` cho biết vì sao.",
        "next.nothing": "Không cần làm gì: máy đang đo.",
        "next.no_modem": "Chưa cấu hình modem nào: `dosong-agent suggest` in ra những gì cần ghi.",
        "next.no_position": "Chưa có vị trí: ăng-ten GPS phải thấy trời, và gpsd phải đang chạy.",
        "next.no_time": "Chưa biết giờ: giờ sẽ có khi GPS bắt được vị trí lần đầu, hoặc từ NTP"
        " hay máy thu.",
        "next.data": "SIM của modem {modem} đã dùng {used} trên {limit}: `dosong-agent budget` cho"
        " biết dùng lúc nào; bớt phép đo, hoặc để tùy chọn (optional), thì đủ dùng.",
        "next.trouble": "Modem {modem}: {trouble}",
        "next.modem_gone": "Không thấy modem {modem}: kiểm tra dây cắm và nguồn;"
        " `dosong-agent modems` cho biết đang cắm những gì.",
        "next.no_service": "Modem {modem} ở đây không có dịch vụ. Nếu modem khác cùng mạng có:"
        " kiểm tra ăng-ten và SIM.",
        "next.invalid": "Modem {modem} trả lời không đúng: nếu cứ vậy, rút ra cắm lại một lần;"
        " `journalctl -u dosong-agent | grep {modem}` cho biết thêm.",
        "next.offline": "Chưa nối được với máy thu: {rows} bản ghi chờ trên máy đo và vẫn an toàn."
        " Cứ đi tiếp; có mạng lại thì máy tự gửi.",
        "next.alarm": "Bản ghi không tới được máy thu: {alarm}. {rows} bản ghi chờ trên máy đo và"
        " vẫn an toàn; báo người phụ trách máy thu.",
        "next.voltage": "Nguồn điện quá yếu: phép đo không hợp lệ. Dùng bộ nguồn mạnh hơn.",
        "next.hot": "Máy đo quá nóng: che nắng, cho thoáng gió.",
        "next.disk": "Thẻ còn trống dưới 1 GB: xóa những gì không phải của máy đo.",
        "next.dropped": "Máy đo đã phải bỏ {rows} bản ghi: mất kết nối quá lâu.",
        "next.worker": "Phần {worker} của dịch vụ: {state}.",
        "plan.own": "Đang theo kế hoạch trong cấu hình của máy đo.",
        "plan.sent": "Đang theo kế hoạch do trung tâm gửi, số {number}, {until}.",
        "plan.until": "đến {until} UTC",
        "plan.until_withdrawn": "cho đến khi được rút lại",
        "plan.refused": "Kế hoạch gửi sau cùng (số {number}) bị từ chối: {problem}",
        "plan.unusable": "Kế hoạch đã gửi không dùng được: {problem}",
        "plan.unseen": "Không xem được có kế hoạch nào đã gửi hay không: {problem}",
        "stage.testing": "đang đo",
        "stage.transfer": "đang truyền",
        "stage.paced": "đang truyền theo nhịp",
        "stage.round trip": "lượt đi về",
        "stage.segment": "đoạn",
        "stage.locking to": "đang khóa vào",
        "deliver.nothing": "chưa có bộ nhớ bản ghi ({outbox}): không có gì để gửi",
        "deliver.in_use": "{reason}; dịch vụ đang chạy tự gửi",
        "deliver.bar": "còn {rows} bản ghi phải gửi",
        "deliver.done": "Đã gửi hết: {made} bản ghi của đợt {epoch}.",
        "deliver.left": "Còn {rows} bản ghi. Chúng vẫn an toàn; thử lại ở nơi mạng tốt hơn.",
        "export.written": "Đã ghi {rows} bản ghi vào {files} tệp ({size}); {there} bản ghi đã có"
        " sẵn từ trước.",
        "export.complete": "Mọi bản ghi của máy đo đến số {made} đều nằm trong {folder}.",
        "export.kept": "Bản ghi vẫn được giữ trên máy đo cho đến khi máy thu xác nhận đã lưu.",
        "export.next": "Gỡ USB cho an toàn (umount), cắm vào máy thu rồi chạy"
        " `dosong-collector import` với thư mục này.",
        "export.unreadable": "{rows} bản ghi trên thẻ của máy đo bị hỏng, không đọc được.",
        "export.same_disk": "Chú ý: {folder} nằm trên chính thẻ của máy đo, không phải trên USB.",
        "export.bar": "{rows} bản ghi, {files} tệp",
        "export.full": "USB ĐÃ ĐẦY: chỉ vừa {rows} bản ghi trong {files} tệp; các tệp đó"
        " nguyên vẹn. Dùng USB lớn hơn, hoặc xóa tệp mà máy thu đã có, rồi làm lại.",
        "export.read-only": "KHÔNG GHI ĐƯỢC vào {folder}: bị khóa ghi, hoặc không có quyền"
        " ({reason}). Mở khóa USB hoặc dùng USB khác.",
        "export.in use": "Đang có một lần ghi khác vào {folder}. Chờ nó xong rồi làm lại.",
        "export.failed": "GHI HỎNG: {reason}. Đã ghi trọn {rows} bản ghi trong {files} tệp. Cắm lại"
        " USB rồi làm lại; phần đã ghi không phải ghi nữa.",
        "export.no_folder": "không có thư mục {folder}: USB đã được gắn chưa?",
        "export.no_outbox": "không đọc được bộ nhớ bản ghi: {reason}",
        "export.nothing": "chưa có bộ nhớ bản ghi ({outbox}): máy đo chưa đo gì",
        "export.finished": "Xong lúc {utc} (giờ UTC).",
        "export.finished_unknown": "Đã xong; máy đo chưa biết giờ.",
        "identity.installed": "Chứng thư {name} đã cài; dùng từ lần kết nối tới. Nếu máy chủ từ"
        " chối, máy đo tự quay lại chứng thư cũ.",
        "identity.point": "Ghi vào [uplink] của cấu hình rồi khởi động lại dịch vụ:",
        "identity.no_ca": "cần --ca, hoặc khóa này",
        "identity.owner": "{folder} thuộc người dùng {uid}: hãy chạy lệnh này bằng người dùng đó"
        " (sudo -u dosong ...)",
        "release.version": "phiên bản",
        "release.state": "trạng thái",
        "release.current": "đang dùng",
        "release.trial": "đang dùng thử: {tries}/{starts} lần khởi động",
        "release.previous": "phiên bản trước",
        "release.confirmed": "Phiên bản {version} đã được xác nhận.",
        "release.back": "Quay lại phiên bản {version} từ lần khởi động tới:"
        " sudo systemctl restart dosong-agent dosong-paths",
        "release.given_up": "Phiên bản mới không chạy được trong {starts} lần khởi động; quay lại"
        " phiên bản {version}.",
        "release.unfit": "Phiên bản {version} không chạy được với cấu hình này: không đổi gì cả.",
        "release.unknown": "Không có phiên bản {version}; đang có: {versions}.",
        "release.first": "Phiên bản {version} là bản đầu tiên: dùng từ lần khởi động tới.",
        "release.used": "Phiên bản {version} dùng từ lần khởi động tới; sau {starts} lần khởi động"
        " không đo được 5 phút thì tự quay lại. Khởi động lại:"
        " sudo systemctl restart dosong-agent dosong-paths",
    },
    "en": {
        "unknown": "unknown",
        "yes": "yes",
        "no": "no",
        "down": "Download {rate}",
        "up": "Upload {rate}",
        "not_counted": "{figure} - DOES NOT COUNT",
        "no_figure": "Nothing was measured",
        "no_answer": "No answer came",
        "stopped_after": "Cancelled after {time}; until then about: {so_far}",
        "stopped_trips": "Cancelled after {trips} trips; until then about: {so_far}",
        "stopped_before": "Cancelled before anything was measured",
        "streams": "{protocol} payload, {streams} streams",
        "window": "{window} after {warmup} warm-up",
        "ran": "ran {ran} of {planned} planned",
        "never_ran": "it never ran",
        "label.rate": "Rate",
        "label.course": "Each second",
        "course": "{chart}  least {least}, most {most}; warm-up: {warmup}",
        "label.network": "Network",
        "network": "{technology}, network {plmn}, RSRP {rsrp}, SINR {sinr}, cell {cell} (PCI"
        " {pci})",
        "mixed": "several technologies",
        "nr": "NR in {with_nr} of {looks} looks",
        "stand_alone": "5G stand-alone",
        "stand_alone_at_start": "5G stand-alone at the start",
        "no_nr": "no NR leg in {looks} of {looks} looks",
        "without_service": "no service in {without} of {looks} looks",
        "not_looked": "unknown: no look found a serving cell",
        "label.lock": "Lock",
        "lock": "asked {asked}, the modem reads back {read_back}, the cell agreed throughout:"
        " {agreed}",
        "label.data": "Data",
        "data": "{total} used ({counted})",
        "counted": "interface {interface} counted {counted}",
        "data_uncounted": "{total} used (no interface counted it)",
        "label.server": "Server",
        "slot": "with a slot, waited {waited}",
        "control": "it delivered {rate} in its control test {age} ago",
        "label.proof": "Proof",
        "path_ok": "path ok",
        "path_wrong": "WRONG PATH: the data did not go through this modem",
        "path_bound": "bound to {interface}, bytes not counted",
        "path_unused": "bound to {interface}, no data came to prove it",
        "path_unknown": "path not proven",
        "host_ok": "computer ok",
        "busiest": "busiest core {share}",
        "host_limited": "THE COMPUTER IS THE LIMIT: {why}",
        "host_strained": "the computer was near its limit, too: {why}",
        "host_unknown": "computer: unknown",
        "cut_off": "the link died half-way; the rest counts as nothing",
        "ended_early": "it ended early; the rate counts the rest as nothing",
        "asking": "asking the service",
        "label.note": "Note",
        "label.sim": "SIM",
        "label.modem": "Modem",
        "label.where": "Where",
        "where": "{lat}, {lon}, error: {error}",
        "nowhere": "no position",
        "label.next": "What next",
        "label.target": "Target",
        "reaches": "reaches {target}: {yes}",
        "video": "Video {height}p at {rate}",
        "video_rate": "{rate} while a request was outstanding ({outstanding})",
        "label.access": "Access",
        "access": "plays after {access}",
        "never_played": "it never played",
        "label.stalls": "Stalls",
        "stalls": "{stalls}, {total} in all, the longest {longest}",
        "stall_share": " ({share} of the time)",
        "label.played": "Played",
        "played": "{played} of {media}",
        "label.heights": "Heights",
        "height": "{height}p: {share}",
        "segments": "{whole} of {all} segments whole",
        "label.segments": "Each segment",
        "latency": "Median round trip {median}",
        "label.loss": "Lost",
        "loss": "{lost} of {sent} ({share})",
        "label.jitter": "Jitter",
        "label.first": "First",
        "first": "{first} (it wakes the radio)",
        "label.check": "Data check",
        "check_ok": "ok: {size} in {time}",
        "check_failed": "not ok: {size} in {time}",
        "check_none": "not made",
        "label.method": "Method",
        "scan": "{cells} cells heard in {time}",
        "cell.rat": "RAT",
        "cell.plmn": "network",
        "cell.arfcn": "channel",
        "cell.band": "band",
        "cell.id": "cell",
        "cell.code": "PCI, PSC, BSIC",
        "cell.level": "level (dBm)",
        "unread": "the modem's answer was not understood: {text}",
        "of_plmn": "network {plmn}",
        "nothing_heard": "The modem hears nothing",
        "registration.searching": "searching for a network",
        "registration.denied": "denied by the network",
        "registration.emergency": "emergency calls only",
        "registration.idle": "not registered, not searching",
        "registration.unknown": "registration unknown",
        "label.rrc": "Connection",
        "rrc.noconn": "idle",
        "rrc.connect": "connected",
        "rrc.limsrv": "limited service",
        "rrc.search": "searching",
        "label.rats": "Looked for",
        "alone": "no LTE anchor: NR serves alone",
        "label.serving": "Serving cell",
        "label.nr": "NR leg",
        "label.carriers": "Carriers",
        "label.neighbours": "Neighbours",
        "none": "none",
        "cell_id": "cell {cell}",
        "channel": "channel {arfcn}",
        "band": "band {band}",
        "levels": "RSRP {rsrp}, RSRQ {rsrq}, SINR {sinr}",
        "levels_2g": "RSSI {rssi}",
        "levels_3g": "RSCP {rscp}, Ec/Io {ecio}",
        "label.temperature": "Temperature",
        "summary": "{runs} runs, {failed} of them not good; {what}: median {median},"
        " from {least} to {most}",
        "summary_none": "{runs} runs, {failed} of them not good, without any figure",
        "status.probe": "Probe {probe} {state} ({software})",
        "status.measures": "measures",
        "status.stopped": "does not run",
        "status.position": "position: {place}",
        "status.nowhere": "none",
        "status.time": "time:     {time}",
        "status.timeless": "not known yet",
        "status.link": "link:     {link}",
        "status.path": "{link} by {path}",
        "status.no_uplink": "no uplink is configured",
        "status.outbox": "outbox:   {rows} records wait, {made} made",
        "status.columns": "modem|state|model|network|mode|RSRP dBm|SINR dB|lock|GB",
        "next.not_running": "The agent does not run: `systemctl start dosong-agent`; if it ends"
        " again, `journalctl -u dosong-agent -n 50` says why.",
        "next.nothing": "Nothing to do: it measures.",
        "next.no_modem": "No modem is configured: `dosong-agent suggest` prints what to write.",
        "next.no_position": "No position: the GPS antenna needs a view of the sky, and gpsd must"
        " run.",
        "next.no_time": "The time is not known yet: it comes with the first GPS fix, from NTP or"
        " from the collector.",
        "next.data": "The SIM of modem {modem} has used {used} of {limit}: `dosong-agent budget`"
        " shows when; fewer or optional tests make it last.",
        "next.trouble": "Modem {modem}: {trouble}",
        "next.modem_gone": "Modem {modem} is not there: check its plug and its power;"
        " `dosong-agent modems` shows what is plugged in.",
        "next.no_service": "Modem {modem} has no service here. If others of its operator have:"
        " check antenna and SIM.",
        "next.invalid": "Modem {modem} does not answer as it should: if that stays so, unplug it"
        " once; `journalctl -u dosong-agent | grep {modem}` says more.",
        "next.offline": "No link to the collector: {rows} records wait on the probe and are safe."
        " Drive on; it sends them when the network is back.",
        "next.alarm": "Records do not reach the collector: {alarm}. {rows} of them wait on the"
        " probe and are safe; tell whoever runs the collector.",
        "next.voltage": "The supply voltage is too low: tests are not valid. Use a stronger"
        " supply.",
        "next.hot": "The probe is too hot: give it air or shade.",
        "next.disk": "Less than 1 GB of disk is free: delete what is not the probe's.",
        "next.dropped": "{rows} records were given up: the probe was offline for too long.",
        "next.worker": "{worker} is {state}.",
        "plan.own": "The plan of the configuration is followed.",
        "plan.sent": "The plan that was sent is followed, number {number}, {until}.",
        "plan.until": "until {until} UTC",
        "plan.until_withdrawn": "until it is withdrawn",
        "plan.refused": "The last plan that was sent (number {number}) was refused: {problem}",
        "plan.unusable": "The plan that was sent cannot be used: {problem}",
        "plan.unseen": "Whether a plan was sent cannot be seen: {problem}",
        "by_service": "The service runs: it does the test, and the row is delivered as any other.",
        "interrupted": "interrupted",
        "opening": "opening the modem",
        "waiting": "waiting for its turn",
        "elapsed": "{elapsed} gone",
        "seen_little": "unknown: looks cover only {coverage} of the test, 80 % are needed",
        "coverage": "the looks cover {coverage} of the test",
        "server_clock": "its clock is {error} off",
        "label.tried": "Tried before",
        "label.computer": "Computer",
        "cores": "each core busy {shares}",
        "softirq": "packet handling {share}",
        "memory": "least memory left {least}",
        "usb": "USB {rate}",
        "throttled": "supply and heat flags {bits}",
        "label.sent": "Sent",
        "udp_sent": "{rate}, {size} a datagram",
        "udp_loss": "{lost} of {sent} datagrams ({share}), {late} out of order",
        "early_stop": "stopped early, as it was certain: {why}; planned were {planned}",
        "label.received": "Received",
        "received": "the server got {received} in whole bodies",
        "label.name": "Name",
        "name": "{time}, asked {server}",
        "own_resolver": "the computer's own resolver",
        "lost": "numbers {which} (0 is the first)",
        "early_no": "stopped early: its target could not be reached any more",
        "data_capped": "stopped: the data it was allowed were used up",
        "answer_error": "a link up to {share} above the target may be told no",
        "paced_answer": "At least {target}: {yes} (read at {most} at most)",
        "target": "the target",
        "label.error": "Error",
        "label.resent": "Resent",
        "resent": "{segments} TCP segments",
        "played_rate": "{rate} in the mean",
        "played_height": "mean height {height}",
        "height_or_more": "{height}p or more: {share}",
        "switches": "{switches} switches",
        "first_byte": "first byte after {first}",
        "never_came": "no byte came",
        "left": "about {left} left",
        "deliver.nothing": "there is no outbox ({outbox}), so nothing to deliver",
        "deliver.in_use": "{reason}; the service that runs delivers by itself",
        "deliver.bar": "{rows} records to deliver",
        "deliver.done": "Everything is delivered: {made} records of epoch {epoch}.",
        "deliver.left": "{rows} records are left. They are safe; try again where the uplink is"
        " better.",
        "export.written": "Records written: {rows}, in files: {files} ({size}); there already:"
        " {there}.",
        "export.complete": "All the probe holds, up to number {made}, is in {folder}.",
        "export.kept": "The records stay on the probe until the collector says that it has them.",
        "export.next": "Unmount the stick, plug it into the collector and run"
        " `dosong-collector import` on this folder.",
        "export.unreadable": "Records that are damaged on the probe's card and cannot be read:"
        " {rows}.",
        "export.same_disk": "Note: {folder} is on the probe's own card, not on a stick.",
        "export.bar": "records: {rows}, files: {files}",
        "export.full": "THE STICK IS FULL: records that fitted: {rows}, in files: {files}; they are"
        " whole. Take a larger one, or delete what the collector has, and do it again.",
        "export.read-only": "{folder} CANNOT BE WRITTEN: it is locked, or not ours ({reason})."
        " Unlock the stick or take another.",
        "export.in use": "Somebody else is writing to {folder}. Wait until that is done.",
        "export.failed": "WRITING FAILED: {reason}. Records written whole: {rows}, in files:"
        " {files}. Plug the stick in again and do it again; what is there is not written twice.",
        "export.no_folder": "there is no folder {folder}: is the stick mounted?",
        "export.nothing": "there is no outbox ({outbox}): the probe has not measured yet",
        "export.no_outbox": "the outbox cannot be read: {reason}",
        "export.finished": "Done at {utc} UTC.",
        "export.finished_unknown": "Done; the probe does not know the time yet.",
        "identity.installed": "Certificate {name} is installed and used from the next connection"
        " on. If the broker refuses it, the probe goes back to the old one by itself.",
        "identity.point": "Put into [uplink] of the configuration, then restart the service:",
        "identity.no_ca": "needs --ca, or this key",
        "identity.owner": "{folder} belongs to user {uid}: run this as that user"
        " (sudo -u dosong ...)",
        "release.version": "version",
        "release.state": "state",
        "release.current": "current",
        "release.trial": "current, on trial: {tries} of {starts} starts",
        "release.previous": "previous",
        "release.confirmed": "Version {version} is confirmed.",
        "release.back": "Back to version {version} from the next start on:"
        " sudo systemctl restart dosong-agent dosong-paths",
        "release.given_up": "The new version did not prove itself in {starts} starts; back to"
        " version {version}.",
        "release.unfit": "Version {version} does not run with this configuration: nothing is"
        " changed.",
        "release.unknown": "There is no version {version}; there are: {versions}.",
        "release.first": "Version {version} is the first one: taken from the next start on.",
        "release.used": "Version {version} is taken from the next start on; after {starts} starts"
        " without measuring for 5 minutes the probe goes back by itself. Restart it:"
        " sudo systemctl restart dosong-agent dosong-paths",
    },
}
"""Words of records (`outcome.ok`) are missing where the record's own word is English already."""

MEANINGS = {
    "vi": {
        "dns:": "không phân giải được tên máy chủ",
        "connect:": "không nối được tới máy chủ",
        "bind:": "không dùng được giao diện của modem",
        "request:": "máy chủ không trả lời kịp",
        "transfer:": "đứt khi đang truyền",
        "transfer: stalled": "đang truyền thì ngừng hẳn",
        "transfer: nothing arrived": "không gói nào tới nơi",
        "access:": "video bắt đầu chậm",
        "server:": "lỗi ở máy chủ",
        "server: busy": "máy chủ đang bận",
        "server: refused": "máy chủ từ chối kết nối",
        "portal:": "mạng trả lời thay cho máy chủ",
        "probe:": "lỗi của máy đo",
        "probe: cancelled": "phép đo bị hủy",
        "probe: data cap": "hết dữ liệu cho phép trước khi đo xong",
        "probe: ping_group_range": "máy đo chưa cho phép ping",
        "probe: the test hung": "phép đo bị treo",
        "probe: wrong path": "dữ liệu không đi qua modem này",
        "cancelled by": "người đo đã hủy",
        "host:": "máy đo quá tải",
        "host: under-voltage": "máy đo thiếu điện",
        "budget:": "hạn mức dữ liệu của SIM",
        "needs:": "nơi này đã đủ mẫu",
        "temperature:": "máy đo quá nóng",
        "under-voltage": "nguồn điện quá yếu",
        "quiet hours": "giờ nghỉ theo kế hoạch",
        "late:": "lỡ giờ đo vì dịch vụ chưa chạy",
        "interface:": "giao diện mạng của modem biến mất",
        "interface: address changed": "địa chỉ của modem đổi giữa chừng",
        "no network interface": "modem chưa có giao diện mạng",
        "no scan for": "modem này không có công nghệ cần quét",
        "rat lock:": "không giữ được công nghệ yêu cầu",
        "busy": "đang bận việc khác",
        "the modem was set anew": "modem vừa được đặt lại",
        "the modem is being opened": "đang mở modem",
        "the modem does not say which cell": "modem không báo ô phục vụ",
        "modem silent": "modem không trả lời",
        "nothing was heard of the modem": "modem không trả lời trong lúc đó",
        "nothing known of the modem yet": "chưa biết gì về modem",
        "not settled": "modem chưa ổn định",
        "the agent stops": "dịch vụ đang dừng",
        "the test crashed": "chương trình đo bị lỗi",
        "the radio is off": "vô tuyến đang tắt",
        "SIM:": "không dùng được SIM",
        "registration: searching": "modem đang tìm mạng",
        "registration: denied": "mạng từ chối SIM này",
        "registration: emergency": "chỉ gọi khẩn cấp",
        "registration: idle": "modem không đăng ký mạng",
        "registration: unknown": "chưa rõ đăng ký, có thể ngoài vùng phủ",
        "modem: search": "modem đang tìm mạng",
        "modem: limsrv": "dịch vụ hạn chế",
        "modem:": "lỗi modem",
    },
}
"""What reasons that begin so mean, behind the reason itself, which is English in the record."""

ADVICE = {
    "vi": {
        "dns": "Không phân giải được tên máy chủ. Thử lại với --server khác; nếu chỉ modem này bị:"
        " kiểm tra APN và DNS của SIM.",
        "connect": "Không nối được tới máy chủ. Đo lại một lần; xem sóng bằng"
        " `once radio`; thử modem khác để biết lỗi ở mạng hay ở máy chủ.",
        "bind": "Giao diện của modem không dùng được. Xem `ip address`: kết nối dữ liệu phải đang"
        " bật"
        " và có địa chỉ.",
        "request": "Máy chủ không trả lời kịp. Đo lại; nếu modem khác đo được thì lỗi là ở mạng"
        " này.",
        "transfer": "Đang truyền thì đứt. Đó là kết quả của mạng: ghi nhận và đo lại tại chỗ một"
        " lần.",
        "access": "Video bắt đầu chậm. Đó là kết quả của mạng; xem dòng Mạng để biết mức sóng.",
        "server": "Lỗi ở máy chủ, không phải ở mạng. Báo người giữ máy chủ, hoặc dùng --server"
        " khác.",
        "server: busy": "Máy chủ đang bận. Chờ một phút rồi đo lại.",
        "portal": "Mạng trả lời chứ không phải máy chủ (trang chặn): SIM hết dữ liệu, chưa kích"
        " hoạt hoặc bị chặn. Kiểm tra gói cước của SIM.",
        "probe: wrong path": "Dữ liệu không đi qua modem này. Kiểm tra bảng định tuyến của giao"
        " diện:"
        " `ip rule`, `ip route show table all`.",
        "probe": "Lỗi của máy đo, không phải của mạng. Đo lại; nếu vẫn vậy, gửi nhật ký:"
        " `journalctl -u dosong-agent -n 100`.",
        "address changed": "Địa chỉ của modem đổi giữa chừng (nối lại với mạng). Đo lại; nếu "
        "hay gặp: ghi nhận, đó là do mạng hoặc do kết nối dữ liệu chập chờn.",
        "probe: hung": "Phép đo bị treo và đã bị bỏ lại. Đo lại; nếu còn treo: `systemctl "
        "restart dosong-agent`, rồi gửi nhật ký `journalctl -u dosong-agent -n 100`.",
        "probe: ping": "Máy đo chưa cho phép ping: chép systemd/dosong-ping.conf vào "
        "/etc/sysctl.d rồi `systemctl restart systemd-sysctl`.",
        "needs": "Nơi này đã đủ mẫu vào giờ này: không cần đo thêm. Đi tiếp; muốn đo vẫn "
        "được bằng `dosong-agent once`.",
        "temperature": "Máy đo quá nóng nên không đo: che nắng, cho thoáng gió, chờ nguội "
        "rồi đo lại.",
        "under-voltage": "Nguồn điện quá yếu nên không đo: dùng bộ nguồn và dây tốt hơn.",
        "no scan": "Modem này không có công nghệ đó: quét bằng modem khác, hoặc bỏ công nghệ đó "
        "trong profile.",
        "quiet hours": "Đang là giờ nghỉ theo kế hoạch. Chờ hết giờ đó, hoặc đo ngay bằng "
        "`dosong-agent once`.",
        "cancelled": "Phép đo bị dừng giữa chừng nên không tính. Đo lại khi cần.",
        "host": "Máy đo không đủ sức nên không tính cho mạng: xem nguồn điện, nhiệt độ và cổng USB;"
        " tắt chương trình khác rồi đo lại.",
        "budget": "Hết hạn mức dữ liệu của SIM này. Chờ kỳ sau, hoặc nâng hạn mức trong cấu hình.",
        "interface": "Giao diện mạng của modem biến mất: kiểm tra dây USB và nguồn; rồi"
        " `dosong-agent modems`.",
        "no interface": "Modem chưa có giao diện mạng: bật kết nối dữ liệu, hoặc ghi `interface`"
        " trong"
        " cấu hình.",
        "rat lock": "Modem không giữ được công nghệ yêu cầu: ở đây có thể không có công nghệ đó."
        " Đo lại không có --lock, hoặc xem `once radio`.",
        "busy": "Có phép đo khác đang chạy. Chờ nó xong rồi đo lại.",
        "set anew": "Modem vừa được đặt lại nên không tính. Chờ nửa phút rồi đo lại.",
        "stops": "Dịch vụ đang dừng. Khởi động lại: `systemctl start dosong-agent`, rồi đo lại.",
        "SIM": "Không dùng được SIM: kiểm tra SIM đã cắm đúng chưa và có mã PIN không.",
        "registration: denied": "Mạng từ chối SIM này: kiểm tra SIM đã kích hoạt và còn hạn chưa.",
        "no_service": "Ở đây không có dịch vụ của mạng này. Nếu modem khác cùng mạng có: kiểm tra"
        " ăng-ten và SIM.",
        "modem_gone": "Không thấy modem: kiểm tra dây cắm và nguồn; `dosong-agent modems` cho biết"
        " đang cắm những gì.",
        "failed": "Đó là kết quả của mạng. Đo lại một lần; giữ cả hai kết quả.",
        "invalid": "Không tính cho mạng. Đo lại; nếu vẫn vậy: `journalctl -u dosong-agent -n 100`.",
        "skipped": "Phép đo chưa chạy. Xem lý do ở trên, rồi đo lại.",
        "slow": "Đo được nhưng chậm: đó là kết quả của mạng.",
    },
    "en": {
        "dns": "The server's name was not found. Try another --server; if only this modem cannot:"
        " check the SIM's APN and DNS.",
        "connect": "The server cannot be reached. Test once more; look at the level with `once"
        " radio`;"
        " try another modem to see whether it is the network or the server.",
        "bind": "The modem's interface cannot be used. See `ip address`: its data connection must"
        " be up"
        " and have an address.",
        "request": "The server did not answer in time. Test again; if another modem can, it is this"
        " network.",
        "transfer": "It broke off while data flowed. That is the network's result: keep it and"
        " test once"
        " more at the same place.",
        "access": "The video started late. That is the network's result; the line Network tells the"
        " level.",
        "server": "The server's fault, not the network's. Tell who runs it, or use another"
        " --server.",
        "server: busy": "The server is busy. Wait a minute and test again.",
        "portal": "The network answers in the server's place: the SIM has no data left, is not"
        " active or"
        " is blocked. Check its plan.",
        "probe: wrong path": "The data did not go through this modem. Check the routing of its"
        " interface: `ip rule`, `ip route show table all`.",
        "probe": "The probe's fault, not the network's. Test again; if it stays so, send the log:"
        " `journalctl -u dosong-agent -n 100`.",
        "address changed": "The modem's address changed half-way: it was connected anew. "
        "Test again; where that happens often it is the network, or a data connection that "
        "comes and goes: keep the rows.",
        "probe: hung": "The test hung and was left behind. Test again; if it hangs again: "
        "`systemctl restart dosong-agent`, and send `journalctl -u dosong-agent -n 100`.",
        "probe: ping": "This computer does not allow ping: copy systemd/dosong-ping.conf to "
        "/etc/sysctl.d and `systemctl restart systemd-sysctl`.",
        "needs": "This place has enough samples at this hour: drive on. `dosong-agent once` "
        "tests all the same.",
        "temperature": "The computer is too hot to test: give it air or shade, let it cool "
        "and test again.",
        "under-voltage": "The supply is too weak to test: use a stronger one and a shorter cable.",
        "no scan": "This modem has no radio for that technology: scan with another, or leave it "
        "out of the profile.",
        "quiet hours": "The plan is quiet at this hour. Wait until it is over, or test now "
        "with `dosong-agent once`.",
        "cancelled": "It was stopped half-way and does not count. Test again when you need it.",
        "host": "The computer was the limit, so nothing is said of the network: look at its"
        " supply, its"
        " temperature and the USB port; end other programs and test again.",
        "budget": "This SIM's data budget is used up. Wait for its next month, or raise it in the"
        " configuration.",
        "interface": "The modem's network interface went: check the USB cable and the supply, then"
        " `dosong-agent modems`.",
        "no interface": "The modem has no network interface: bring its data connection up, or write"
        " `interface` into the configuration.",
        "rat lock": "The modem cannot be held on what was asked: it may not exist here. Test"
        " without"
        " --lock, or look with `once radio`.",
        "busy": "Another test is running. Wait until it is done and test again.",
        "set anew": "The modem had just been set anew, so it does not count. Wait half a minute"
        " and test"
        " again.",
        "stops": "The service is stopping. `systemctl start dosong-agent`, then test again.",
        "SIM": "The SIM cannot be used: check that it sits right and whether it asks for a PIN.",
        "registration: denied": "The network refuses this SIM: check that it is active and not"
        " expired.",
        "no_service": "This network has no service here. If another modem of the same network has:"
        " check antenna and SIM.",
        "modem_gone": "The modem is not there: check its plug and its power; `dosong-agent"
        " modems` shows"
        " what is plugged in.",
        "failed": "That is the network's result. Test once more and keep both.",
        "invalid": "It says nothing of the network. Test again; if it stays so:"
        " `journalctl -u dosong-agent -n 100`.",
        "skipped": "The test was not run. See the reason above, then test again.",
        "slow": "It worked, but slowly: that is the network's result.",
    },
}
"""By what `agent.advice.after_test` finds."""
