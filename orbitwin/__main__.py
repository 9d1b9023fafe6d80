"""`python -m orbitwin`: the same command as `orbitwin`."""

from orbitwin.cli import main

if __name__ == "__main__":
    main()
