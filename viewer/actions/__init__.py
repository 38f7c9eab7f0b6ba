"""What the user can do: one list of actions, which menus, keys and buttons are made from."""
