"""What a run's pieces do between asking and saving: `seeds` as records · `verdicts` of what was made · `novelty`, what it repeats."""
