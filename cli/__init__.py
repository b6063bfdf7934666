"""The command line of retrofr: the only place that prints. Imported as ``retrofr_cli``."""
