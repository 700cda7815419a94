"""The version of lktrio, read by the build."""

__version__ = "0.1.0"
