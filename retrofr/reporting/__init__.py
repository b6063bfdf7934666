"""The report of a search: one page for people, to read on a screen and on paper, with its pictures beside it."""
