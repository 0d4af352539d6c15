"""A peer of the benchmark `engine`, run by a Python that has distilabel (it cannot live beside our pins): `PYTHON engine_distilabel.py ADDRESS CALLS`.

distilabel's own way of asking about many rows: a pipeline with one TextGeneration step over its OpenAILLM, batches of 64, nothing cached. Prints
{"calls", "seconds", "version"}; loading its rows and starting its processes is not counted, answering is.
"""

import json
import sys
import time


def main(address: str, calls: int) -> None:
    import distilabel
    from distilabel.models import OpenAILLM
    from distilabel.steps.tasks import TextGeneration

    sentence = (
        "The tide is raised by the moon, and the sun helps or hinders it, depending on where it stands. "
    )
    llm = OpenAILLM(
        model="tiny",
        base_url=address,
        api_key="none",
        generation_kwargs={"max_new_tokens": 1024},
        max_retries=0,
    )
    task = TextGeneration(llm=llm, input_batch_size=64)
    task.load()
    rows = [{"instruction": f"{at}. {sentence * 8}"} for at in range(calls)]
    next(task.process(rows[:64]))
    began = time.perf_counter()
    made = 0
    for start in range(0, calls, 64):
        made += sum(row["generation"] is not None for row in next(task.process(rows[start : start + 64])))
    took = time.perf_counter() - began
    print(json.dumps({"calls": made, "seconds": took, "version": distilabel.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
