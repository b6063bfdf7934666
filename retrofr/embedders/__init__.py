"""Face embedders; the contract is in ``base``."""
