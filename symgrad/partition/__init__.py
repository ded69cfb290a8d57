"""A derivation split over a mesh of devices: placements, collectives, cost, and modules that run on JAX."""
