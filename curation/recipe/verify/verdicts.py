"""What a machine can conclude of a program, by name. Rows store the key; screens show the title."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    title: str
    explanation: str
    judged: bool = True  # False: it says nothing about the program


VERDICTS: dict[str, Verdict] = {
    "passed": Verdict("Passed", "Every test ran to its end and held."),
    "failed": Verdict("Failed", "An assertion of the tests did not hold."),
    "error": Verdict("Error", "The code, or a test, broke or ended before its time."),
    "timeout": Verdict("Timed out", "It took longer than the limit on time."),
    "out_of_memory": Verdict("Out of memory", "It wanted more memory than the limit."),
    "killed": Verdict("Killed", "The system ended it by a signal, as after a crash in native code."),
    "too_much_output": Verdict("Too much output", "It printed or wrote to files more than the limit."),
    "forbidden": Verdict("Forbidden", "It broke on something that the sandbox does not allow."),
    "refused": Verdict("Not run", "This machine cannot run foreign code safely.", judged=False),
}
