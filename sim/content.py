"""`dosong-sim content`: real video for `dosong-sim server --content`, made by ffmpeg.

One encoding of each rung, with a DASH manifest and HLS playlists over the same segments, and
`content.json`: the truth, every segment with its exact size and duration.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from sim.cli import Command
from sim.parts import MissingCommandError, Part, PartError, find_command
from sim.server.ladders import LADDERS, Rung

FRAMES_PER_S = 25
SEGMENT_S = 4
SECONDS, MAX_SECONDS = 20, 3600
NOISE = 24
"""Strength of the picture's noise: without it the encoder would need fewer bits than the rung's."""
DASH, HLS, TRUTH = "manifest.mpd", "master.m3u8", "content.json"
LOOK_S = 0.1
EXTINF = re.compile(r"#EXTINF:(\d+(?:\.\d+)?),[^\n]*\n(?:#[^\n]*\n)*([^#\n][^\n]*)\n")
DONE_US = re.compile(rb"out_time_us=(\d+)\n")

OnShare = Callable[[float], None]
"""Told now and then which share, from 0 to 1, is done."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of media."""

    file: str
    bytes: int
    duration_s: float


class Representation(msgspec.Struct, frozen=True, kw_only=True):
    """One rung as it was made."""

    height: int
    bits_per_second: int
    """As it was ordered; the sizes say what came out."""
    init_file: str
    init_bytes: int
    playlist: str
    segments: tuple[Segment, ...]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What one folder holds."""

    ladder: str
    dash: str
    hls: str
    representations: tuple[Representation, ...]


def make_content(out: Path, ladder: str, seconds: int, on_share: OnShare) -> Path:
    """Make the folder `out/<ladder>`, whole or not at all; raises `PartError` and OSError."""
    target = out / ladder
    if target.exists():
        raise PartError(f"{target} is there already: remove it, or choose another --out")
    ffmpeg = find_command("ffmpeg")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{ladder}-") as temporary:
        media = Path(temporary, "media")
        media.mkdir()
        progress = Path(temporary, "progress")
        arguments = [ffmpeg, *_arguments(LADDERS[ladder], seconds, media, progress)]
        with Part("ffmpeg", arguments, log=Path(temporary, "log")) as encoder:
            while encoder.running:
                on_share(_done_s(progress) / seconds)
                time.sleep(LOOK_S)
            if encoder.wait(0) != 0:
                raise PartError(f"ffmpeg failed:\n{encoder.log_tail.strip()}")
        truth = msgspec.json.format(msgspec.json.encode(_truth(media, ladder)))
        (media / TRUTH).write_bytes(truth + b"\n")
        media.rename(target)
    on_share(1.0)
    return target


def read_playlist(text: str) -> Iterator[tuple[str, float]]:
    """File and duration of each segment of an HLS media playlist (RFC 8216, 4.3.2.1)."""
    for duration_s, file in EXTINF.findall(text):
        yield file, float(duration_s)


def _truth(media: Path, ladder: str) -> Content:
    representations = []
    for index, rung in enumerate(LADDERS[ladder]):
        playlist, init = f"media_{index}.m3u8", f"init-{index}.m4s"
        segments = tuple(
            Segment(file=file, bytes=(media / file).stat().st_size, duration_s=duration_s)
            for file, duration_s in read_playlist((media / playlist).read_text("utf-8"))
        )
        if not segments:
            raise PartError(f"ffmpeg wrote no segments into {playlist}")
        representations.append(
            Representation(
                height=rung.height,
                bits_per_second=rung.bits_per_second,
                init_file=init,
                init_bytes=(media / init).stat().st_size,
                playlist=playlist,
                segments=segments,
            )
        )
    return Content(ladder=ladder, dash=DASH, hls=HLS, representations=tuple(representations))


def _arguments(ladder: tuple[Rung, ...], seconds: int, media: Path, progress: Path) -> list[str]:
    """Of ffmpeg: a test picture with noise, once at the top size and scaled down for the rest."""
    top = ladder[-1]
    picture = (
        f"testsrc2=size={top.width}x{top.height}:rate={FRAMES_PER_S}:duration={seconds},"
        f"noise=c0s={NOISE}:c0f=t,format=yuv420p"
    )
    copies = "".join(f"[c{index}]" for index in range(len(ladder)))
    scaled = "".join(
        f";[c{index}]scale={rung.width}:{rung.height}[v{index}]"
        for index, rung in enumerate(ladder)
    )
    words = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"]
    words += ["-progress", str(progress), "-filter_complex"]
    words += [f"{picture},split={len(ladder)}{copies}{scaled}"]
    for index, rung in enumerate(ladder):
        rate = str(rung.bits_per_second)
        words += ["-map", f"[v{index}]", f"-b:v:{index}", rate]
        words += [f"-maxrate:v:{index}", rate, f"-bufsize:v:{index}", rate]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0"]
    words += ["-g", str(SEGMENT_S * FRAMES_PER_S), "-keyint_min", str(SEGMENT_S * FRAMES_PER_S)]
    words += ["-f", "dash", "-seg_duration", str(SEGMENT_S), "-adaptation_sets", "id=0,streams=v"]
    words += ["-use_template", "1", "-use_timeline", "0", "-hls_playlist", "1"]
    words += ["-init_seg_name", "init-$RepresentationID$.m4s"]
    words += ["-media_seg_name", "chunk-$RepresentationID$-$Number%05d$.m4s"]
    return [*words, str(media / DASH)]


def _done_s(progress: Path) -> float:
    """How much media is made, as ffmpeg's `-progress` says."""
    try:
        said = DONE_US.findall(progress.read_bytes())
    except FileNotFoundError:
        return 0.0
    return int(said[-1]) / 1e6 if said else 0.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the ladder's folder is made here"
    )
    parser.add_argument(
        "--ladder", choices=list(LADDERS), default="1080p", help="default: %(default)s"
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=SECONDS,
        metavar="N",
        help="length of the video (default: %(default)s)",
    )


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"whole seconds from 1 to {MAX_SECONDS}")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"encoding {arguments.ladder}", total=1.0)
            made = make_content(
                arguments.out,
                arguments.ladder,
                arguments.seconds,
                lambda share: progress.update(task, completed=share),
            )
    except MissingCommandError:
        sys.stderr.write(
            "dosong-sim content: ffmpeg is not installed (`tools/setup content`,"
            " or `apt-get install ffmpeg`)\n"
        )
        return 1
    except (PartError, OSError) as error:
        sys.stderr.write(f"dosong-sim content: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("dosong-sim content: interrupted, nothing is made\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


COMMAND = Command(
    name="content",
    help="make DASH and HLS video with ffmpeg, for `server --content`",
    add_arguments=_add_arguments,
    run=_run,
)
