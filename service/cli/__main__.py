"""`python -m service.cli` is `meari`."""

from service.cli import main

if __name__ == "__main__":
    main()
