"""What lies between the decoder process and its parent: the wire, the watchdog, the legs of a reading."""
