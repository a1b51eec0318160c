"""Passes made again with edits: what an edit does to a layer's heads, and how many passes are made with little work."""
