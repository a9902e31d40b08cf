"""Training of networks, by JAX and optax: loaded when the first epoch is trained, and by nothing else."""
