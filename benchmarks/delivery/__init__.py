"""Who takes part in `benchmarks.delivery_side_by_side`, and what happens to them."""
