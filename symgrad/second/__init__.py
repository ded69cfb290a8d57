"""Second derivatives in closed form: one block, all of them together, Gauss-Newton."""
