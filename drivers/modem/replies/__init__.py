"""What vendors' commands answer: a file for each command, or for a few that are alike. No I/O."""
