"""SQL equivalence, written apart from the probes: another schema, queries written by hand, other words and styles."""

import random
from dataclasses import dataclass

from five_tasks import sql
from five_tasks.rows import Item, Source

SCHEMA = """CREATE TABLE members (id INTEGER, name TEXT, town TEXT, joined INTEGER);
CREATE TABLE loans (id INTEGER, member_id INTEGER, title TEXT, days INTEGER);"""
sql.POOLS[SCHEMA] = (
    ("name", ("Ira", "Ivo", "Jon", "Kim", "Lea", "Mia")),
    ("town", ("Ghent", "Bergen", "Turin", "Graz")),
    ("joined", tuple(year + by for year in (2008, 2012, 2016, 2020) for by in (-1, 0, 1))),
    ("member_id", (1, 2, 3, 4, 5)),
    ("title", ("Dune", "Emma", "Ulysses", "Beloved")),
    ("days", tuple(days + by for days in (7, 14, 21, 28) for by in (-1, 0, 1))),
)


@dataclass(frozen=True)
class Case:
    """One question with its query, others that are equivalent, and others that are not.

    TOWN, TITLE, YEAR, DAYS and N stand for values.
    """

    question: str
    reference: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]


CASES = (
    Case(
        "names of the members in TOWN who joined after YEAR",
        "SELECT name FROM members WHERE town = 'TOWN' AND joined > YEAR",
        (
            "SELECT m.name FROM members AS m WHERE m.joined > YEAR AND m.town = 'TOWN'",
            "select name from members where not (joined <= YEAR) and town in ('TOWN')",
        ),
        (
            "SELECT name FROM members WHERE town = 'TOWN' AND joined >= YEAR",
            "SELECT name FROM members WHERE town = 'TOWN' OR joined > YEAR",
            "SELECT town FROM members WHERE town = 'TOWN' AND joined > YEAR",
        ),
    ),
    Case(
        "how many loans ran longer than DAYS days",
        "SELECT COUNT(*) FROM loans WHERE days > DAYS",
        (
            "SELECT COUNT(id) AS n FROM loans WHERE DAYS < days",
            "select count(*) from loans l where not l.days <= DAYS;",
        ),
        (
            "SELECT COUNT(*) FROM loans WHERE days < DAYS",
            "SELECT SUM(days) FROM loans WHERE days > DAYS",
            "SELECT COUNT(DISTINCT title) FROM loans WHERE days > DAYS",
        ),
    ),
    Case(
        "title and member name for every loan of at least DAYS days",
        "SELECT l.title, m.name FROM loans l JOIN members m ON l.member_id = m.id WHERE l.days >= DAYS",
        (
            "SELECT loans.title, members.name FROM loans, members WHERE loans.member_id = members.id AND days >= DAYS",
            "SELECT title, name FROM members m INNER JOIN loans l ON m.id = l.member_id WHERE NOT l.days < DAYS",
        ),
        (
            "SELECT l.title, m.name FROM loans l JOIN members m ON l.id = m.id WHERE l.days >= DAYS",
            "SELECT l.title, m.name FROM loans l, members m WHERE l.days >= DAYS",
            "SELECT m.name, l.title FROM loans l JOIN members m ON l.member_id = m.id WHERE l.days >= DAYS",
        ),
    ),
    Case(
        "every town that has a member who joined in YEAR or later, each once",
        "SELECT DISTINCT town FROM members WHERE joined >= YEAR",
        (
            "SELECT town FROM members WHERE joined >= YEAR GROUP BY town",
            "SELECT DISTINCT m.town FROM members m WHERE YEAR <= m.joined",
        ),
        (
            "SELECT town FROM members WHERE joined >= YEAR",
            "SELECT DISTINCT town FROM members WHERE joined = YEAR",
            "SELECT DISTINCT town FROM members",
        ),
    ),
    Case(
        "the total days per title, only loans other than TITLE",
        "SELECT title, SUM(days) FROM loans WHERE title <> 'TITLE' GROUP BY title",
        (
            "SELECT title, SUM(days) AS total FROM loans WHERE title != 'TITLE' GROUP BY title",
            "SELECT l.title, SUM(l.days) FROM loans l WHERE NOT l.title = 'TITLE' GROUP BY l.title",
        ),
        (
            "SELECT title, MAX(days) FROM loans WHERE title <> 'TITLE' GROUP BY title",
            "SELECT title, SUM(days) FROM loans GROUP BY title",
            "SELECT title, COUNT(*) FROM loans WHERE title <> 'TITLE' GROUP BY title",
        ),
    ),
    Case(
        "the N longest loans of TITLE (id and days), longest first, ties by id",
        "SELECT id, days FROM loans WHERE title = 'TITLE' ORDER BY days DESC, id LIMIT N",
        (
            "SELECT l.id, l.days FROM loans l WHERE l.title = 'TITLE' ORDER BY l.days DESC, l.id ASC LIMIT N",
            "select id, days from loans where title in ('TITLE') order by days desc, id limit N",
        ),
        (
            "SELECT id, days FROM loans WHERE title = 'TITLE' ORDER BY days, id LIMIT N",
            "SELECT id, days FROM loans ORDER BY days DESC, id LIMIT N",
            "SELECT id, days FROM loans WHERE title = 'TITLE' ORDER BY id LIMIT N",
        ),
    ),
    Case(
        "number of loans per town of the member, counting loans of up to DAYS days",
        "SELECT m.town, COUNT(*) FROM members m JOIN loans l ON l.member_id = m.id "
        "WHERE l.days <= DAYS GROUP BY m.town",
        (
            "SELECT town, COUNT(l.id) FROM loans l JOIN members m ON m.id = l.member_id "
            "WHERE days <= DAYS GROUP BY town",
            "SELECT m.town, COUNT(*) FROM members m, loans l "
            "WHERE m.id = l.member_id AND l.days <= DAYS GROUP BY m.town",
        ),
        (
            "SELECT m.town, COUNT(*) FROM members m JOIN loans l ON l.id = m.id WHERE l.days <= DAYS GROUP BY m.town",
            "SELECT m.town, COUNT(*) FROM members m JOIN loans l ON l.member_id = m.id GROUP BY m.town",
            "SELECT COUNT(*), m.town FROM members m JOIN loans l ON l.member_id = m.id "
            "WHERE l.days <= DAYS GROUP BY m.town",
        ),
    ),
    Case(
        "name and town of members whose joining year lies between YEAR and YEAR + 4, both included",
        "SELECT name, town FROM members WHERE joined BETWEEN YEAR AND LATER",
        (
            "SELECT name, town FROM members WHERE joined >= YEAR AND joined <= LATER",
            "SELECT m.name, m.town FROM members m WHERE m.joined <= LATER AND YEAR <= m.joined;",
        ),
        (
            "SELECT name, town FROM members WHERE joined > YEAR AND joined < LATER",
            "SELECT name, town FROM members WHERE joined >= YEAR OR joined <= LATER",
            "SELECT town, name FROM members WHERE joined BETWEEN YEAR AND LATER",
        ),
    ),
    Case(
        "the first year anybody in TOWN or OTHER joined",
        "SELECT MIN(joined) FROM members WHERE town IN ('TOWN', 'OTHER')",
        (
            "SELECT MIN(joined) FROM members WHERE town = 'OTHER' OR town = 'TOWN'",
            "SELECT MIN(m.joined) AS first FROM members m WHERE m.town IN ('OTHER', 'TOWN')",
        ),
        (
            "SELECT MAX(joined) FROM members WHERE town IN ('TOWN', 'OTHER')",
            "SELECT MIN(joined) FROM members WHERE town = 'TOWN' AND town = 'OTHER'",
            "SELECT MIN(joined) FROM members WHERE town = 'TOWN'",
        ),
    ),
    Case(
        "names of the members from TOWN that have TITLE on loan, one row per loan",
        "SELECT m.name FROM members m JOIN loans l ON m.id = l.member_id WHERE m.town = 'TOWN' AND l.title = 'TITLE'",
        (
            "SELECT name FROM loans l JOIN members m ON l.member_id = m.id AND l.title = 'TITLE' WHERE m.town = 'TOWN'",
            "SELECT m.name FROM loans l, members m WHERE l.title = 'TITLE' AND m.town = 'TOWN' AND m.id = l.member_id",
        ),
        (
            "SELECT m.name FROM members m JOIN loans l ON m.id = l.member_id "
            "WHERE m.town = 'TOWN' OR l.title = 'TITLE'",
            "SELECT m.name FROM members m WHERE m.town = 'TOWN'",
            "SELECT DISTINCT l.title FROM members m JOIN loans l ON m.id = l.member_id WHERE l.title = 'TITLE'",
        ),
    ),
)
NOTE = (
    "(Ids are unique; member_id points to members.id; no NULL anywhere. "
    "Please a single SELECT without subqueries, columns in the order named.)"
)
QUESTIONS = (
    "A lending library keeps\n#SCHEMA\nQuery wanted: #Q. #NOTE",
    "-- schema\n#SCHEMA\n-- task: #Q\n-- #NOTE",
    "SQL please: #Q\n#NOTE\n#SCHEMA",
    "#SCHEMA\n\nI'd like to see #Q. #NOTE How do I ask SQLite?",
)


def _item(rng: random.Random) -> Item:
    case = rng.choice(CASES)
    year = rng.choice((2008, 2012, 2016)) + rng.choice((-1, 0, 1))
    town, other = rng.sample(("Ghent", "Bergen", "Turin", "Graz"), 2)
    values = {
        "TOWN": town,
        "OTHER": other,
        "TITLE": rng.choice(("Dune", "Emma", "Ulysses", "Beloved")),
        "LATER": str(year + 4),
        "YEAR + 4": str(year + 4),
        "YEAR": str(year),
        "DAYS": str(rng.choice((7, 14, 21, 28)) + rng.choice((-1, 0, 0, 1))),
    }
    if "LIMIT N" in case.reference:
        values[" N"] = f" {rng.randint(1, 4)}"

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    filled_case = Case(
        filled(case.question),
        filled(case.reference),
        tuple(map(filled, case.right)),
        tuple(text for text in map(filled, case.wrong) if sql.differing(SCHEMA, filled(case.reference), text) >= 4),
    )
    prompt = rng.choice(QUESTIONS).replace("#SCHEMA", SCHEMA).replace("#Q", filled_case.question).replace("#NOTE", NOTE)
    return Item(prompt, filled_case.reference, filled_case)


def _right(item: Item, rng: random.Random) -> str:
    return rng.choice(item.facts.right)


def _wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    return rng.choice(item.facts.wrong), "by hand"


STYLES = (
    "@@",
    "```sql\n@@\n```",
    "```SQL\n-- as asked\n@@\n```",
    "This does it:\n\n```sql\n@@\n```\n\nRun it with the sqlite3 shell.",
    "<think>\n%%\nhm, not quite\n</think>\n\n```sql\n@@\n```",
    "Try\n\n    @@\n",
    "SQL:\n@@",
)
FORMLESS = (
    ("Either this:\n```sql\n@@\n```\nor perhaps this:\n```sql\n%%\n```", "hedged"),
    ("That depends on how the tables are indexed.", "refuses"),
    ("<think>```sql\n@@\n```", "never answers"),
)

source = Source(_item, _right, _wrong, STYLES, FORMLESS, formless_share=0.08, references_once=False)
