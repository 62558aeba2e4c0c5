"""Small real disks: images on loop devices, which can be full, read-only or pulled out."""

import fcntl
import os
import struct
import subprocess
from contextlib import contextmanager

from sim.parts import run_command

SHUT_DOWN = 0x8004587D
"""_IOR('X', 125, __u32): what ext4 (and xfs, f2fs) offer to be tested with."""
WITHOUT_THE_LOG = 2
"""Nothing that is not on the disk yet gets there: a power cut, or a stick that is pulled out."""
MIB = 1 << 20


class Disk:
    """One image with ext4 on it."""

    def __init__(self, image, point, *, size_bytes=16 * MIB):
        self.image = image
        self.point = point
        point.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(size_bytes)
        run_command(
            "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^resize_inode", "-J", "size=1", str(image)
        )

    @contextmanager
    def mounted(self, options="rw"):
        options = f"loop,nosuid,nodev,noexec,{options}"
        run_command("mount", "-o", options, str(self.image), str(self.point))
        try:
            yield self.point
        finally:
            run_command("umount", str(self.point))

    def pull_out(self):
        """From now on every access is an error; what was not flushed never was."""
        handle = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(handle, SHUT_DOWN, struct.pack("I", WITHOUT_THE_LOG))
        finally:
            os.close(handle)

    def is_sound(self):
        """By e2fsck, after the journal was replayed by a mount."""
        done = subprocess.run(
            ["e2fsck", "-f", "-n", self.image], check=False, capture_output=True, timeout=60
        )
        return done.returncode == 0
