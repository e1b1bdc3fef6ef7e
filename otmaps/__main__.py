"""`python -m otmaps` is the command `otmaps`."""

from otmaps.cli import main

if __name__ == "__main__":
    main(prog_name="otmaps")
