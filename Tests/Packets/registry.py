"""The packet tests, in the order in which they run."""

tests = []


def test(function):
    """Makes a function a test. Its name is in README.md, and what it shows is its first comment."""
    tests.append(function)
    return function
