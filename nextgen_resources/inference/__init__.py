"""Inference over a socket: frames, a server that is handed its methods, and a client that reconnects."""
