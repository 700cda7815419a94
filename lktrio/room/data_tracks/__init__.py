"""The packets that carry data tracks: their format, and frames cut up and put together."""
