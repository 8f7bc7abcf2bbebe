"""Does nothing: Spark fetches the packages of a program before it runs it."""
