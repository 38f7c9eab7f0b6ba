"""The table of the user's actions, from which menus, shortcuts and buttons are built."""
