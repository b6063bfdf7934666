"""From files to frames: what an exhibit is, how it is read, which frames are looked at."""
