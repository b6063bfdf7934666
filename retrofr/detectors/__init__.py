"""Face detectors; the contract is in ``base``."""
