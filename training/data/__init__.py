"""A folder of images as splits and arrays: find, check, split, describe, cache."""
