"""What developers run: set-up, the lock files, generated documentation."""
