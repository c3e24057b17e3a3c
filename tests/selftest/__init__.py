"""Tests of the stand-in itself: if it is not like the Hub, nothing above it proves much."""
