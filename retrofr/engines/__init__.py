"""Where streams of footage are worked on; the contract is in ``base``."""
