"""A user's own slides with annotations beside them, made into patches of known class."""
