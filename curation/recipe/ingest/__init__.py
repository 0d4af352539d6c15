"""Bringing material in: walk files and archives, read rows, and make text of them.

`rows.read_rows` reads a file (plain, compressed, an archive) as a stream of `Row` and `BadRow`; `rows.read_back`
finds the content of single rows again; `rows.preview` shows the first of them with a guessed mapping.
`extract.extract` makes text of a document, and `pool.Pool` runs it in children that can be killed.
"""
