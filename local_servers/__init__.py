"""Private servers on this machine for tests, the demo and the benchmarks. Not part of the wheel."""
