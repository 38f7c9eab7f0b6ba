"""From a folder of images to splits and arrays: find, check, split, describe, cache."""
