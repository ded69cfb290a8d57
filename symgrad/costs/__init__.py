"""What a derivation costs, in tables and pictures, and measured."""
