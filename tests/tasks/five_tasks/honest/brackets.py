"""Bracket repair: the answer keeps the text in order, balances, and adds as few brackets as the reference."""

import re

CLOSER = {"(": ")", "[": "]", "{": "}"}
BRACKETS = set("()[]{}")
HEDGE = re.compile(r"\b(either\b.*\bor|or else|might be|could be|alternatively)\b", re.IGNORECASE | re.DOTALL)
LEAD = re.compile(r"^\W*(?:final answer|answer|output|result|the repaired string)(?: is)?\s*:\s*", re.IGNORECASE)


def find_answer(completion):
    fenced = re.findall(r"```[a-z]*\n(.*?)\n?```", completion, re.DOTALL)
    if fenced:
        return fenced[-1].strip()
    quoted = re.findall(r"`([^`\n]+)`", completion)
    if quoted:
        return quoted[-1].strip()
    lines = [line.strip() for line in completion.strip().splitlines() if line.strip()]
    return LEAD.sub("", lines[-1]) if lines else ""


def balanced(text):
    stack = []
    for mark in text:
        if mark in CLOSER:
            stack.append(CLOSER[mark])
        elif mark in BRACKETS and (not stack or stack.pop() != mark):
            return False
    return not stack


def inserted_only(text, answer):
    at = 0
    for mark in answer:
        if at < len(text) and mark == text[at]:
            at += 1
        elif mark not in BRACKETS:
            return False
    return at == len(text)


def verify(prompt, completion, reference):
    asked = re.search(r"`([^`\n]+)`", prompt)
    answer = find_answer(completion)
    if not asked or not answer or HEDGE.search(completion):
        return 0.0
    fits = inserted_only(asked.group(1), answer) and balanced(answer) and len(answer) == len(reference)
    return 1.0 if fits else 0.0
