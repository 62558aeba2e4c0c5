"""What each SIM's data plan has left, and whether a test may still be paid from it."""
