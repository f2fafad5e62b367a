"""Recordings in MCAP files: made, limited, and replayed."""
