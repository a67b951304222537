"""Haiku: one block of three lines, 5, 7 and 5 syllables by rules of English spelling, with the word asked for."""

import re

EXCEPTIONS = {
    "quiet": 2, "quietly": 3, "being": 2, "poem": 2, "lion": 2, "giant": 2, "violin": 3, "piano": 3, "radio": 3,
    "idea": 3, "science": 2, "diary": 3, "triumph": 2, "create": 2, "area": 3, "somewhere": 2, "sometimes": 2,
    "something": 2, "someone": 2, "soldier": 2, "business": 2, "forever": 3, "lonely": 2, "homeless": 2,
    "people": 2, "ocean": 2, "onion": 2, "beneath": 2, "grandmother": 3,
}  # fmt: skip


def syllables(word):
    word = re.sub(r"[^a-z]", "", word.lower())
    if word in EXCEPTIONS:
        return EXCEPTIONS[word]
    bare = re.sub(r"(?:some|lone|note|use|home|stone|time|life|snowe|safe)(?=[bcdfghjklmnpqrstvwxz])",
                  lambda found: found.group()[:-1], word)  # fmt: skip
    bare = re.sub(r"rele(?=ss)", "rel", bare)
    bare = re.sub(r"(?<=[a-z]{2})e(?=ly$|less$|ful$|ment$)", "", bare)
    extra = 0
    if re.search(r"[^aeiouy]les?$", bare):
        bare = re.sub(r"les?$", "", bare)
        extra = 1
    elif not re.search(r"(?:s|x|z|sh|ch|c|g)es$|[td]ed$", bare) and len(re.findall(r"[aeiouy]+", bare)) > 1:
        bare = re.sub(r"(?:e|es|ed)$", "", bare)
    bare = re.sub(r"(?<=[tcs])i(?=on|ous|an|en)", "", bare)
    groups = re.findall(r"[aeiouy]+", bare)
    hiatus = sum(bool(re.search(r"ia|iou|io|iu|uou|eo|ii|yi", group)) for group in groups)
    return max(1, len(groups) + extra + hiatus)


def verify(prompt, completion, reference):
    asked = re.search(r'"([^"\n]+)"', prompt)
    text = re.sub(r"```[a-z]*", "\n\n", completion).strip()
    blocks = [[line for line in block.splitlines() if line.strip()] for block in re.split(r"\n\s*\n", text)]
    poems = [block for block in blocks if len(block) > 1]
    if not asked or len(poems) != 1 or len(poems[0]) != 3:
        return 0.0
    counts = [sum(syllables(word) for word in re.findall(r"[A-Za-z']+", line)) for line in poems[0]]
    has_word = re.search(rf"\b{re.escape(asked.group(1).lower())}\b", "\n".join(poems[0]).lower()) is not None
    return 1.0 if counts == [5, 7, 5] and has_word else 0.0
