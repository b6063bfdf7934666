"""What is given to the other side: a bundle that can be checked without trusting whoever made it, and run again.

``bag`` is its form, ``signing`` who vouches for it, ``verifying`` whether it is whole, ``replaying`` the search anew.
"""
