"""Encoded media: frames, codecs and the files that hold them."""
