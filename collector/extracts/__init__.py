"""What KPIs read of the lake, row by row: worked out once for each day, kept, and frozen."""

from collector.extracts.keep import Keep, LostObjectError
from collector.extracts.source import Frozen, FrozenSource, LakeSource, Noting, Taken

__all__ = ["Frozen", "FrozenSource", "Keep", "LakeSource", "LostObjectError", "Noting", "Taken"]
