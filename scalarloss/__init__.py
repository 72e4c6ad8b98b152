"""Down to a Scalar: trace a NumPy function, differentiate it, check it."""
