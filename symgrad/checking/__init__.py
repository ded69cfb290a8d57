"""What is derived, held against what nobody derived: the user's own function, differences, numbers."""
