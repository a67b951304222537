"""Date normalisation: the last date-like text must be the reference, and no second one offered beside it."""

import re

DATE = re.compile(r"\d+(?:[-/.]\d+)*")
ISO = re.compile(r"(?<![\d/.-])\d{4}-\d{2}-\d{2}(?![\d/]|-\d)")
HEDGE = re.compile(r"\b(either|or|could be|candidates|pick|depending|alternatively|both)\b", re.IGNORECASE)
TAKEN_BACK = re.compile(r"\b(but|mistake|slip|corrected|final|no,|wait)\b", re.IGNORECASE)


def verify(prompt, completion, reference):
    text = completion.strip()
    dates = ISO.findall(text)
    like = [found for found in DATE.findall(text) if len(re.sub(r"\D", "", found)) >= 6]
    if not dates or not like or like[-1] != dates[-1]:
        return 0.0
    if len(set(dates)) > 2 or (len(set(dates)) == 2 and HEDGE.search(text) and not TAKEN_BACK.search(text)):
        return 0.0
    return 1.0 if dates[-1] == str(reference).strip() else 0.0
