"""What the studio says when it cannot go on: one sentence with the reason and the way out."""


class Refusal(Exception):
    """The studio, or a command, stops here; the message is written for the person who started it."""
