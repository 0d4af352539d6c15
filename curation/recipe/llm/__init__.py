"""Language models: one request and its answer, whoever gives it. Shared below the stages, which say what to ask.

`records` the nouns · `errors` what can go wrong, by name · `keys` and `connect` where a request may go · `client` and `inprocess`
who answers · `pace` how fast to ask · `structured` answers with fields · `prompts` versioned templates ·
`wording` a prompt with its place in a chain · `shape` the schemas of answers · `cost` tokens and money ·
`asking` the way of one question through all of these, every answer in the ledger before it is used.
"""
