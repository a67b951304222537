"""SQL equivalence on a small schema: a query is right if it gives the reference's result on every database.

The oracle runs both queries with sqlite3 on forty random databases. A verifier in the sandbox can't: no profile has
sqlite3, so that it must compare or evaluate queries by itself. Prompts therefore ask for one SELECT without
subqueries, and no column holds NULL.
"""

import random
import sqlite3
from dataclasses import dataclass, replace
from functools import cache

from five_tasks.rows import Item, Source

SCHEMA = """CREATE TABLE customers (id INTEGER, name TEXT, city TEXT, age INTEGER);
CREATE TABLE orders (id INTEGER, customer_id INTEGER, item TEXT, total INTEGER);"""
RULE = (
    "`id` is unique in each table, customer_id refers to customers.id, nothing is NULL. "
    "One SELECT statement, no subqueries; exactly the columns asked for, in that order."
)
ASK = (
    "#SCHEMA\n\n{}\nWrite the SQLite query. #RULE",
    "Given this schema:\n```sql\n#SCHEMA\n```\n#RULE\nQuestion: {}",
    "{}\n\nTables:\n#SCHEMA\n#RULE",
    "You know this database:\n#SCHEMA\nI need the SQL (SQLite dialect) for: {} #RULE",
)
AGES, TOTALS = (20, 30, 40, 50), (10, 25, 60, 100)
CITIES, ITEMS = ("Rome", "Oslo", "Lima", "Cairo"), ("lamp", "desk", "chair", "sofa")
NAMES = ("Ada", "Anton", "Bea", "Boris", "Clara", "Carl")
WORDS = {
    "customers.id": "id",
    "customers.name": "name",
    "customers.city": "city",
    "customers.age": "age",
    "orders.id": "order id",
    "orders.customer_id": "customer id",
    "orders.item": "item",
    "orders.total": "total",
}
VALUES = {"customers.city": CITIES, "customers.age": AGES, "orders.item": ITEMS, "orders.total": TOTALS}
Value = int | str | tuple[int | str, ...]


@dataclass(frozen=True)
class Condition:
    """`column op value`; op is one of = <> > >= < <= BETWEEN IN LIKE."""

    column: str
    op: str
    value: Value


@dataclass(frozen=True)
class Query:
    """A query of the subset that prompts ask for; columns are written `table.column`."""

    tables: tuple[str, ...]
    select: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    joint: str = "AND"
    on: tuple[str, str] = ("orders.customer_id", "customers.id")
    distinct: bool = False
    group: str | None = None
    order: tuple[tuple[str, str], ...] = ()
    limit: int | None = None


def literal(value: int | str) -> str:
    """Write a value as SQL."""
    return str(value) if isinstance(value, int) else f"'{value}'"


class Writer:
    """Writes a query as SQL, the plain way or in another of its ways."""

    def __init__(self, query: Query, rng: random.Random | None = None) -> None:
        self.query, self.rng = query, rng
        short = len(query.tables) > 1 or (rng is not None and rng.random() < 0.3)
        self.alias = {table: table[0] if short else table for table in query.tables}
        self.qualified = short

    def maybe(self, share: float) -> bool:
        return self.rng is not None and self.rng.random() < share

    def expression(self, text: str) -> str:
        """Write a column, or an aggregate `FUNCTION column`."""
        function, _, column = text.rpartition(" ")
        if column == "*":
            return f"COUNT({self.expression(self.query.tables[0] + '.id')})" if self.maybe(0.4) else "COUNT(*)"
        table, _, name = column.partition(".")
        named = f"{self.alias[table]}.{name}" if self.qualified else name
        return f"{function}({named})" if function else named

    def condition(self, condition: Condition) -> str:
        column, op, value = self.expression(condition.column), condition.op, condition.value
        if isinstance(value, tuple):
            return self._of_several(column, op, [literal(v) for v in value])
        if op in ("=", "<>", "LIKE"):
            return f"{column} {'!=' if op == '<>' and self.maybe(0.5) else op} {literal(value)}"
        if self.maybe(0.25):
            return f"{literal(value)} {op.translate(str.maketrans('<>', '><'))} {column}"
        if self.maybe(0.2):
            opposite = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}[op]
            return f"NOT ({column} {opposite} {literal(value)})"
        if self.maybe(0.25) and isinstance(value, int):
            shifted = {">": (">=", 1), ">=": (">", -1), "<": ("<=", -1), "<=": ("<", 1)}[op]
            return f"{column} {shifted[0]} {value + shifted[1]}"
        return f"{column} {op} {literal(value)}"

    def _of_several(self, column: str, op: str, values: list[str]) -> str:
        if op == "BETWEEN":
            low, high = values
            split = f"({column} >= {low} AND {column} <= {high})"
            return split if self.maybe(0.5) else f"{column} BETWEEN {low} AND {high}"
        if self.maybe(0.4):
            return "(" + " OR ".join(f"{column} = {value}" for value in reversed(values)) + ")"
        return f"{column} IN ({', '.join(values)})"

    def _from(self) -> tuple[str, str]:
        """Return the FROM clause, and a join condition that is left to WHERE."""
        names = [t if self.alias[t] == t else f"{t} {self.alias[t]}" for t in self.query.tables]
        if len(names) == 1:
            return names[0], ""
        sides = [self.expression(column) for column in self.query.on]
        if self.maybe(0.5):
            names.reverse()
        if self.maybe(0.5):
            sides.reverse()
        on = " = ".join(sides)
        if self.maybe(0.3):
            return ", ".join(names), on
        return f"{names[0]} {'INNER ' if self.maybe(0.2) else ''}JOIN {names[1]} ON {on}", ""

    def sql(self) -> str:
        """Return the query's text, clause by clause."""
        query, (tables, on) = self.query, self._from()
        select = ", ".join(self.expression(column) for column in query.select)
        parts = [f"SELECT {'DISTINCT ' if query.distinct else ''}{select}", f"FROM {tables}"]
        where = list(query.where)
        if self.maybe(0.5):
            where.reverse()
        said = f" {query.joint} ".join(self.condition(condition) for condition in where)
        if on and said and query.joint == "OR":
            said = f"({said})"
        if on or said:
            parts.append("WHERE " + " AND ".join(part for part in (on, said) if part))
        if query.group:
            parts.append(f"GROUP BY {self.expression(query.group)}")
        if query.order:
            ways = [f"{self.expression(column)}{' DESC' if way == 'DESC' else ''}" for column, way in query.order]
            parts.append("ORDER BY " + ", ".join(ways))
        if query.limit is not None:
            parts.append(f"LIMIT {query.limit}")
        return ("\n" if self.maybe(0.4) else " ").join(parts) + (";" if self.maybe(0.5) else "")


def _condition(column: str, rng: random.Random) -> Condition:
    values = VALUES[column]
    if isinstance(values[0], str):
        op = rng.choice(("=", "=", "<>", "IN"))
        return Condition(column, op, tuple(rng.sample(values, 2)) if op == "IN" else rng.choice(values))
    op = rng.choice((">", ">=", "<", "<=", "BETWEEN"))
    return Condition(column, op, tuple(sorted(rng.sample(values, 2))) if op == "BETWEEN" else rng.choice(values))


def _query(rng: random.Random) -> Query:
    tables = rng.choice((("customers",), ("orders",), ("customers", "orders")))
    columns = [column for column in WORDS if column.split(".")[0] in tables]
    filters = rng.sample([column for column in columns if column in VALUES], rng.choice((1, 2, 2)))
    where = tuple(_condition(column, rng) for column in filters)
    joint = "OR" if len(where) == 2 and rng.random() < 0.3 else "AND"
    number = rng.choice([column for column in columns if column in ("customers.age", "orders.total")])
    kind = rng.choice(("ordered", "ordered", "top", "distinct", "count", "aggregate", "grouped"))
    base = Query(tables, tuple(rng.sample([c for c in columns if c in WORDS], 2)), where, joint)
    if kind in ("ordered", "top"):
        order = ((number, rng.choice(("ASC", "DESC"))), (f"{tables[-1]}.id", "ASC"))
        return replace(base, order=order, limit=rng.randint(1, 3) if kind == "top" else None)
    if kind == "distinct":
        return replace(
            base, select=(rng.choice([c for c in columns if isinstance(VALUES.get(c, (0,))[0], str)]),), distinct=True
        )
    if kind == "count":
        return replace(base, select=("COUNT *",))
    # The greatest or least of a column that is filtered too hardly depends on the filter: no database would show it.
    aggregate = f"{'SUM' if number in filters else rng.choice(('MAX', 'MIN', 'SUM'))} {number}"
    if kind == "aggregate":
        return replace(base, select=(aggregate,))
    group = rng.choice([c for c in columns if c in ("customers.city", "orders.item")])
    return replace(base, select=(group, rng.choice((aggregate, "COUNT *"))), group=group)


SAID = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "=": "equal to", "<>": "other than"}


def _said(query: Query, rng: random.Random) -> str:
    """Say in words what a query asks for."""
    functions = {"COUNT": "the number of rows", "MAX": "the greatest", "MIN": "the least", "SUM": "the sum of"}
    wanted = []
    for column in query.select:
        function, _, name = column.rpartition(" ")
        table = "" if len(query.tables) == 1 else f" of the {name.split('.')[0][:-1]}"
        wanted.append(functions[function] if name == "*" else f"{functions.get(function, 'the')} {WORDS[name]}{table}")
    limits = []
    for condition in query.where:
        value = condition.value
        if condition.op == "BETWEEN":
            words = f"between {value[0]} and {value[1]} (both included)"
        else:
            words = f"one of {', '.join(map(str, value))}" if condition.op == "IN" else f"{SAID[condition.op]} {value}"
        limits.append(f"{WORDS[condition.column]} {words}")
    source = "each order with its customer" if len(query.tables) > 1 else f"the {query.tables[0]}"
    text = f"From {source}, keep those with {f' {query.joint.lower()} '.join(limits)}; show {' and '.join(wanted)}"
    if query.group:
        text += f" for each {WORDS[query.group]}"
    if query.distinct:
        text += ", each value once"
    if query.order:
        (column, way), (last, _) = query.order
        text += f", sorted by {WORDS[column]} {'down' if way == 'DESC' else 'up'}wards, then by {last}"
    if query.limit is not None:
        text += f"; only the first {query.limit}"
    return text + "."


def _item(rng: random.Random) -> Item:
    query = _query(rng)
    prompt = rng.choice(ASK).replace("#SCHEMA", SCHEMA).replace("#RULE", RULE).replace("{}", _said(query, rng))
    return Item(prompt, Writer(query).sql(), query)


def right(item: Item, rng: random.Random) -> str:
    """Write the query in another way."""
    return Writer(item.facts, rng).sql()


def _mutants(query: Query, rng: random.Random) -> list[tuple[Query, str]]:
    """Return queries with one thing wrong; some may be equivalent all the same."""
    at = rng.randrange(len(query.where))
    one = query.where[at]

    def with_condition(other: Condition) -> Query:
        return replace(query, where=(*query.where[:at], other, *query.where[at + 1 :]))

    swaps = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "=": "<>", "<>": "="}
    made = [(with_condition(replace(one, op=swaps[one.op])), "boundary or operator") if one.op in swaps else None]
    if not isinstance(one.value, tuple):
        other = rng.choice([value for value in VALUES[one.column] if value != one.value])
        made.append((with_condition(replace(one, value=other)), "another value"))
    else:
        made.append((with_condition(replace(one, value=(one.value[0], one.value[0]))), "half the values"))
    made.append((replace(query, where=query.where[:at] + query.where[at + 1 :]), "a condition is missing"))
    if len(query.where) == 2:
        made.append((replace(query, joint="OR" if query.joint == "AND" else "AND"), "and/or"))
    if len(query.tables) == 2:
        made += [(replace(query, on=("orders.id", "customers.id")), "wrong join")] * 2
    first = query.select[0]
    if len(query.select) == 2:
        made.append((replace(query, select=query.select[::-1]), "columns swapped"))
    elif not query.distinct:
        swapped = {"MAX": "MIN", "MIN": "MAX", "SUM": "MAX", "COUNT": "SUM"}[first.split()[0]]
        column = f"{query.tables[0]}.id" if first == "COUNT *" else first.split()[1]
        made.append((replace(query, select=(f"{swapped} {column}",)), "wrong aggregate"))
    if query.distinct:
        made += [(replace(query, distinct=False), "duplicates kept")] * 2
    if query.order:
        (column, way), last = query.order
        made.append((replace(query, order=((column, "ASC" if way == "DESC" else "DESC"), last)), "wrong direction"))
    if query.limit:
        made.append((replace(query, limit=query.limit + 1), "wrong limit"))
    return [mutant for mutant in made if mutant is not None]


def wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    """Write a query with one thing wrong that shows on several of the databases."""
    while True:
        mutant, why = rng.choice(_mutants(item.facts, rng))
        text = Writer(mutant, rng).sql()
        if differing(SCHEMA, item.reference, text) >= 4:
            return text, why


STYLES = (
    "@@",
    "```sql\n@@\n```",
    "```sql\n@@\n```",
    "```\n@@\n```",
    "Here is the query:\n\n```sql\n@@\n```\n\nIt filters first and then picks the columns.",
    "<think>Maybe %% ... no, the question says otherwise.</think>\n```sql\n@@\n```",
    "My first draft was\n```sql\n%%\n```\nbut that is not what was asked. Corrected:\n```sql\n@@\n```",
    "Query: @@",
    "The tables and filters are straightforward.\n\n@@",
)
FORMLESS = (
    ("Use either\n```sql\n@@\n```\nor\n```sql\n%%\n```\nwhichever fits.", "hedged"),
    ("You need a SELECT with a WHERE clause on those columns.", "no query"),
    ("<think>```sql\n@@\n```", "the reasoning never ends"),
    ("", "empty"),
)

source = Source(_item, right, wrong, STYLES, FORMLESS)

# The oracle: sqlite3 on random databases.

DATABASES = 40


@cache
def _databases(schema: str, pools: tuple[tuple[str, tuple[int | str, ...]], ...]) -> tuple[sqlite3.Connection, ...]:
    rng, made = random.Random(4), []
    for _ in range(DATABASES):
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(schema)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for key in range(1, rng.randint(5, 9)):
                drawn = [key if column == "id" else rng.choice(dict(pools)[column]) for column in columns]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(drawn))})", drawn)
        made.append(connection)
    return tuple(made)


POOLS: dict[str, tuple[tuple[str, tuple[int | str, ...]], ...]] = {
    SCHEMA: (
        ("name", NAMES),
        ("city", (*CITIES, "Rome", "Oslo")),
        ("age", tuple(age + by for age in AGES for by in (-1, 0, 1))),
        ("customer_id", (1, 2, 3, 4, 5)),
        ("item", ITEMS),
        ("total", tuple(total + by for total in TOTALS for by in (-1, 0, 1))),
    )
}


def differing(schema: str, reference: str, query: str) -> int:
    """Return on how many of the databases two queries differ; a query that fails differs on all.

    Rows are compared in order where the reference sorts, else as a multiset; column names do not count.
    """
    in_order, count = "ORDER BY" in reference.upper(), 0
    for connection in _databases(schema, POOLS[schema]):
        try:
            mine, its = connection.execute(query).fetchall(), connection.execute(reference).fetchall()
        except sqlite3.Error:
            return DATABASES
        count += mine != its if in_order else sorted(mine, key=repr) != sorted(its, key=repr)
    return count


def oracle(item: Item, answer: str) -> bool:
    """Say whether the answer gives the reference's result on every random database."""
    schema = next(schema for schema in POOLS if schema in item.prompt)
    return differing(schema, item.reference, answer) == 0
