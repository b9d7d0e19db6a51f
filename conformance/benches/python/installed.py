"""Prints how many bytes the distributions named take, byte code left out."""
import importlib.metadata
import sys

total = 0
for name in sys.argv[1:]:
    for file in importlib.metadata.distribution(name).files:
        path = file.locate()
        if path.suffix != ".pyc" and path.exists():
            total += path.stat().st_size
print(total)
