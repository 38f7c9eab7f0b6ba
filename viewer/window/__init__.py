"""The main window: actions, menus, dialogs, status bar."""
