"""Tables that ship with the package, each with the command that derives it."""
