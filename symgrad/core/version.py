"""The version of the package, which exported modules name and the command line says."""

VERSION = "0.1.0"
