"""The shared library: finding it, and its failures as exceptions."""
