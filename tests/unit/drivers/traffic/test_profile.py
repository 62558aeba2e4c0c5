import pytest

from drivers.traffic import ThroughputProfile, VideoProfile, load_profile, load_profiles
from drivers.traffic.profile import MIN_OUTSTANDING_S, ProfileError
from tests.unit.drivers.traffic.ends import PROFILES


def written(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


SESSION = 'kind = "video"\nheight = 1080\ntarget_bits_per_second = 5000000\n'
SYNTHETIC = SESSION + "media_bits_per_second = 5000000\nsegment_s = 2\nsegments = 3\n"
STREAMED = SESSION + 'media_bits_per_second = 5000000\nmanifest = "/a.mpd"\nplay_s = 9\n'
PACED = SESSION + "[paced]\n"
CAPACITY = 'kind = "throughput"\nstreams = 2\nwarmup_s = 1\nwindow_s = 3\n'


def test_every_shipped_profile_loads_under_its_file_name():
    profiles = load_profiles(PROFILES)
    assert {name: profile.name for name, profile in profiles.items()} == {
        file.stem: file.stem for file in PROFILES.glob("*.toml")
    }
    assert {"tcp-6x10s-down", "tcp-6x10s-up", "video-1080p", "video-2160p", "latency"} <= set(
        profiles
    )


def test_the_default_capacity_profile_is_six_streams_two_and_ten_seconds():
    profile = load_profile(PROFILES / "tcp-6x10s-down.toml")
    assert isinstance(profile, ThroughputProfile)
    assert (profile.streams, profile.warmup_s, profile.window_s) == (6, 2, 10)


def test_every_shipped_session_keeps_its_target_rate_busy_for_five_seconds():
    sessions = [p for p in load_profiles(PROFILES).values() if isinstance(p, VideoProfile)]
    assert sessions
    for profile in sessions:
        assert 8 * profile.planned_bytes / profile.target_bits_per_second >= MIN_OUTSTANDING_S


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (CAPACITY + "stream = 3\n", "`stream`"),
        (CAPACITY.replace("streams = 2", 'streams = "two"'), "$.streams"),
        (CAPACITY.replace("streams = 2", "streams = 0"), "$.streams"),
        (CAPACITY.replace("window_s = 3\n", ""), "`window_s`"),
        (CAPACITY.replace("throughput", "thruput"), "$.kind"),
        (CAPACITY + 'name = "other"\n', "$.name"),
        (CAPACITY.replace("warmup_s = 1", "warmup_s = 1.5"), "`warmup_s`"),
        (CAPACITY + "stagger_s = 0.3\n", "`stagger_s`"),
        (CAPACITY + 'protocol = "udp"\n', "`udp_bits_per_second`"),
        (CAPACITY + "udp_bits_per_second = 5e6\n", "`udp_bits_per_second`"),
        (
            CAPACITY + 'method = "http"\nprotocol = "udp"\nudp_bits_per_second = 5e6\n',
            "`protocol`",
        ),
        (CAPACITY + "[early_stop]\nmax_bits_per_second = 1e8\n", "`at_least_bits_per_second`"),
        (CAPACITY + "[early_stop]\nmax_byte = 1\n", "`max_byte`"),
        ("streams = = 2\n", "line 1"),
        (SYNTHETIC.replace("segments = 3", "segments = 2"), "`segments`"),
        (SYNTHETIC.replace("segments = 3", ""), "`segments` is missing"),
        (SYNTHETIC + "play_s = 9\n", "`play_s` has no meaning"),
        (SYNTHETIC + "max_height = 1080\n", "`max_height` has no meaning"),
        (SYNTHETIC + 'adaptation = "buffer"\n', "`adaptation`"),
        (SYNTHETIC + 'adaptation = "magic"\n', "$.adaptation"),
        (STREAMED + "segments = 3\n", "`segments` has no meaning"),
        (STREAMED.replace("play_s = 9", "play_s = 4"), "`play_s`"),
        (STREAMED.replace("play_s = 9", ""), "`play_s` is missing"),
        (STREAMED.replace("a.mpd", "a.xml?b.mpd"), "`manifest`"),
        (STREAMED.replace('"/a.mpd', '"http://other/a.mpd'), "$.manifest"),
        (STREAMED + "max_height = 720\n", "`max_height`"),
        (STREAMED + "buffer_s = 1\n", "`buffer_s`"),
        (PACED + "window_s = 4\n", "$.paced.window_s"),
        (PACED + "pace = 1.0\n", "$.paced.pace"),
        (SYNTHETIC + "[paced]\n", "has no meaning"),
    ],
)
def test_a_wrong_profile_names_its_file_and_the_place(tmp_path, text, place):
    file = written(tmp_path, text)
    with pytest.raises(ProfileError) as caught:
        load_profile(file)
    assert caught.value.file == file
    assert place in caught.value.problem


def test_a_profile_that_is_not_there_is_a_profile_error(tmp_path):
    with pytest.raises(ProfileError, match=r"none\.toml"):
        load_profile(tmp_path / "none.toml")


def test_what_a_session_costs_is_known_before_it_runs():
    found = load_profiles(PROFILES)
    assert found["video-1080p"].most_bytes == 12_500_000
    assert found["video-1080p-short"].most_bytes == 3_750_000
    assert found["video-1080p-paced"].most_bytes == 3_125_000
    assert found["video-2160p-paced"].most_bytes == 15_625_000
    # The server may send another film than the profile expects: twice as much ends it.
    assert found["video-1080p-dash"].planned_bytes == 12_500_000
    assert found["video-1080p-dash"].most_bytes == 25_000_000
