"""A simulated Linux host: the tools, the /sys tree and the block layer that a node plugin finds under a host root.

`SimHost` (host.py) is all that others need; `client.MapFile` reads and writes a map from another process. A tool's
executable (launcher.py) sends its arguments through a socket (door.py) to the host, where all state and rules are:

    tools      iscsiadm, multipathtools, blocktools, fstools, mounttools (toolbox.py lists them)
    daemons    iscsi (iscsid and the initiator), fc, multipathd
    kernel     scsi, maps, blockio, mounts; fabric is the only door to the arrays, world the only clock
    files      sysfs (the tree), devnodes (/dev), noderecords, mpconfig

Without root the mount table is the host's own: a mount shows in mountinfo and marks the superblock, but files written
below a mount point do not reach the volume. With root, kernelmode gives every map a real block device.
"""
