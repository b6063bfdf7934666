"""How fast this machine works on given footage, and where the time goes; nothing of what is found is kept."""
