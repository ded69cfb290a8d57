"""Linear expressions as structured maps, and those as matrices."""
