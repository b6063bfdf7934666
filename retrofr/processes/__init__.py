"""Processes of our own that do work for this one: started when needed, heard, and outlived by nobody."""
