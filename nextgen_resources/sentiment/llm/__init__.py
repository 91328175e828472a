"""Asking a language model for scores: the prompt, the reply and its failures, tokens and dollars, the calls."""
