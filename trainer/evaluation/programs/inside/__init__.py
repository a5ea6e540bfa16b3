"""The program that runs inside the sandbox: the standard library, and pytest where it is."""
