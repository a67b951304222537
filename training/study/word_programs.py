"""A verifier of word programs, as it enters the sandbox: `verify(prompt, completion, reference) -> float`.

It runs the program forwards within its step limit; the study's true check undoes the steps backwards instead.
"""

APPENDED = {"x": "a", "y": "b", "z": "c"}
MOST_STEPS = 10


def verify(prompt, completion, reference):  # type: ignore[no-untyped-def]
    """Return 1.0 if the completion's program builds the word that the prompt asks for, else 0.0."""
    asked = prompt.split()
    if len(asked) != 2 or asked[0] != "code" or not set(asked[1]) <= set("abc"):
        raise ValueError("the prompt asks for no word program")
    program = completion.strip()
    if not program or len(program) > MOST_STEPS:
        return 0.0
    word = ""
    for step in program:
        if step == "d":
            word += word
        elif step == "r":
            word = "".join(reversed(word))
        elif step in APPENDED:
            word += APPENDED[step]
        else:
            return 0.0
    return float(word == asked[1])
