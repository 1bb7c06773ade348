select x + 1
