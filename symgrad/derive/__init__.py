"""Passes from Program to Program: adjoints, tangents, simplification, many directions at once."""
