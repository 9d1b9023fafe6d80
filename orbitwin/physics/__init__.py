"""Physics of an orbiting data centre: pure functions, arrays in, arrays out, no input or output.

Rows of an array are satellites.  Functions keep the float type they are given: a fleet runs in
float32 (positions are good to 2 m), golden values in the tests run in float64.
"""
