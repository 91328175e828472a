"""The commands as the command line knows them, a file per subject; what they do is in the modules beside."""
