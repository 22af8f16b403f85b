"""stagescore: score an action video stage by stage against exemplar performances."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("stagescore")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
