"""Iterative solvers of the classical methods and of data steps; batched, each slice on its own."""
