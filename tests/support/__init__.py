"""What the tests share: the daemon as a process, and fixtures for it and the stand-in Hub."""
