"""The map of a project: vectors become a picture with names, and areas of it select texts.

A stage of its own: it shows what the other stages made and changes none of it, so it is neither scoring nor dedup, and it is
more than the text tools that stages share.
"""
