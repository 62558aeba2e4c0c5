"""Areas, H3 cells and roads: where a record was made."""
