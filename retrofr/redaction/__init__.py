"""Hides everybody but the candidate in what is shown: pictures of faces, whole frames, clips.

``geometry`` and ``painting`` are pure: which pixels are hidden, and what stands there instead. ``between`` says where
faces are at times between those at which they were seen, ``checking`` looks for faces in the very picture that is
written, ``clips`` cuts and hides a stretch of a recording.
"""
