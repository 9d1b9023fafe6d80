"""How good the twin is: a labelled scenario flown, and what the twin said of it, scored."""
