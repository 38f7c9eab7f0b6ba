"""The command line: flags and YAML into dataclasses, help, errors."""
