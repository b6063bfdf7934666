"""What a case holds, written for other programs: one file a format, all from the same records.

``formats`` is the table of them, ``material`` what they are made of, ``outputs`` where they write to.
"""
