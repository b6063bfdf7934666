"""From packets to frames with their times, their damage and their place in the account of a stream."""
