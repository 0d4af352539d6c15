"""Seeds become samples by multi-step prompting: the workflows of the Phi-4 report (arXiv 2412.08905, section 2.2 and appendix D).

`workflows` the table of them · `rewrite`, `question_answer`, `revision`, `reversal`, `conversation`, `fill_middle` one each ·
`records` what goes in and comes out · `writer` what they share · `thread` the calls of one candidate in their order · `prompt` and
`shape` what is asked and the fields of its answer · `drawn` what is left to chance, by the seed · `grounding`, `check` and
`similarity` what a candidate has to stand up to.
"""
