"""`python -m ravelar` is `ravelar`."""

from ravelar.cli.main import main

if __name__ == "__main__":
    main()
