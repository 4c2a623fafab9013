// Nothing is called by name: see stub.c.
