"""Tools for testing programs that use lktrio, and lktrio itself."""
