"""Verdicts with what they rest on: kept, signed, handed out and computed again."""
