"""Nearest-neighbour indexes; the contract is in ``base``."""
