// Nothing: a file for the headers that all tests precompile to belong to.
