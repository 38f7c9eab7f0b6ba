"""Values in words, without Qt."""
