"""The clock that a recorder burns into its pictures: read, fitted to media time, never silently trusted."""
