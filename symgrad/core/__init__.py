"""What every other room stands on: nodes and operations, Programs, limits, numbers as Python text, files."""
