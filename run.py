"""apsi's command line in a checkout, `python run.py --help`; installed, the same is the command `apsi`."""

from apsi.main import main  # it is a @hydra.main: by that word here shells know that they can complete arguments

if __name__ == "__main__":
    main()
