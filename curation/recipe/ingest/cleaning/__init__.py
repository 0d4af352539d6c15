"""Cleaning, the last part of making a text: `repair` what was decoded wrongly, `find` personal data and secrets (and `mask`
them where a project says so), and cut `lines` that a source repeats on its pages.

Texts that are noise through and through are no matter of cleaning: `scoring.signals` judges them as corrupted.
"""
