"""Evidence maps of several models side by side."""
