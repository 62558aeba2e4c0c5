"""The lake, the columns in it, the engine that reads it, and the ledger."""
