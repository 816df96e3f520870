"""The commands of `python -m bot`, each a function; bot/cli.py gives them their names."""
