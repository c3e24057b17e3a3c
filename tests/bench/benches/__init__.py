"""What is measured, in the order of the table of targets. A bench is a module with a first line
that says what it measures, and measure(bench), which gives rows of raw samples.
"""
import importlib
import types

NAMES = ("cached", "small", "tls", "cold", "first", "capped", "crowd", "ranges", "idle", "latency",
         "snapshot", "xet", "many", "memory", "authorised", "peers")


def load(name: str) -> types.ModuleType:
    return importlib.import_module(f"benches.{name}")


def title(name: str) -> str:
    return load(name).__doc__.strip().split("\n")[0]
