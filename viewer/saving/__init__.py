"""The viewer's files on disk, without Qt."""
