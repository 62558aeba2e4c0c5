"""What is still to be measured: what targets lack this month, and where and when to get it."""
