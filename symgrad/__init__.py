from symgrad.derivation import forward
