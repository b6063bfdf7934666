"""Who acts, with what authority, and what is written down of it: records and the log, no footage and no case."""
