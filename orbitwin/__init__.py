"""What all parts share: contract, catalogue, fleet, physics, settings, the command line."""
