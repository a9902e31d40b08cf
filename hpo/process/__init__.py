"""How the process runs: threads, interrupts, progress, memory, settings of the machine."""
