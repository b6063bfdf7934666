"""Writers of results, one file a format; the contract is in ``base``."""
