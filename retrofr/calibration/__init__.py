"""What a score is worth: from labelled comparisons to operating points and bounded likelihood ratios."""
