"""Folders on disks: of which kind, how full, and what is renamed or moved in them without loss."""
