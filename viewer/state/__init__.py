"""The viewer's state, without Qt."""
