"""A simulated Linux host: the tools, the /sys tree and the block layer that a node plugin finds under a host root.

`SimHost` (host.py) is all that others need; `client.MapFile` reads and writes a map from another process.
"""
