"""The tracklets that a search goes through: what they are, and how those that can matter are found among them."""
