"""LaTeX sources in archives: which files make a paper (`papers`), and one source put together from them (`flatten`)."""
