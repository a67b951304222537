"""SQL equivalence: evaluate both queries (one SELECT, inner joins, no subqueries) on random databases."""

import functools
import itertools
import random
import re

TOKEN = re.compile(r"'(?:[^']|'')*'|\d+|<>|!=|<=|>=|\w+|[=<>(),.*;]")
ENDS = {"from", "where", "group", "order", "limit", "having", "join", "inner", "on", "asc", "desc", "and", "or", "as"}
COMPARE = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip
FUNCTIONS = {"count": len, "sum": lambda v: sum(v) if v else None, "max": lambda v: max(v, default=None),
             "min": lambda v: min(v, default=None), "avg": lambda v: sum(v) / len(v) if v else None}  # fmt: skip


class Query:
    def __init__(self, text, schema):
        self.tokens, self.at, self.schema = TOKEN.findall(text), 0, schema
        self.tables, self.conditions, self.has_aggregate, self.names = [], [], False, {}
        self.need("select")
        self.distinct = self.take("distinct")
        self.items = self.several(self.item)
        self.need("from")
        self.table()
        while self.peek() in (",", "join", "inner"):
            self.take("inner")
            self.at += 1
            self.table()
            if self.take("on"):
                self.conditions.append(self.either())
        if self.take("where"):
            self.conditions.append(self.either())
        self.group = self.several(self.value) if self.take("group") and self.need("by") else []
        self.having = self.either() if self.take("having") else None
        self.order = self.several(self.sort_key) if self.take("order") and self.need("by") else []
        self.limit = int(self.next()) if self.take("limit") else None
        self.take(";")
        if self.at != len(self.tokens):
            raise ValueError("more than one SELECT")

    def peek(self):
        return self.tokens[self.at].lower() if self.at < len(self.tokens) else ""

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, word):
        found = self.peek() == word
        self.at += found
        return found

    def need(self, word):
        if not self.take(word):
            raise ValueError(f"no {word}")
        return True

    def several(self, read):
        found = [read()]
        while self.take(","):
            found.append(read())
        return found

    def table(self):
        name, _ = self.next().lower(), self.take("as")
        named = self.peek() and self.peek() not in ENDS and self.peek() not in (",", ";")
        self.tables.append((self.next().lower() if named else name, name))

    def item(self):
        value = self.value()
        if self.take("as") or (self.peek().isidentifier() and self.peek() not in ENDS):
            self.names[self.next().lower()] = value
        return value

    def sort_key(self):
        value = self.value()
        down = self.take("desc")
        if not down:
            self.take("asc")
        return value, down

    def value(self):
        word = self.next()
        if word[0] in "'0123456789":
            constant = word[1:-1] if word[0] == "'" else int(word)
            return lambda rows: constant
        low = word.lower()
        if low in FUNCTIONS and self.take("("):
            self.has_aggregate, distinct = True, self.take("distinct")
            inner = (lambda rows: 1) if self.take("*") else self.value()
            self.need(")")
            pick = set if distinct else list
            return lambda rows: FUNCTIONS[low](pick(inner([row]) for row in rows))
        if self.take("."):
            table, column = low, self.next().lower()
            return lambda rows: rows[0][table][column]

        def bare(rows):
            if low in self.names:
                return self.names[low](rows)
            (found,) = [row[low] for row in rows[0].values() if low in row]
            return found

        return bare

    def either(self):
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return lambda rows: any(part(rows) for part in parts)

    def both(self):
        parts = [self.simple()]
        while self.take("and"):
            parts.append(self.simple())
        return lambda rows: all(part(rows) for part in parts)

    def simple(self):
        if self.take("not"):
            inner = self.simple()
            return lambda rows: not inner(rows)
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        left, turned = self.value(), self.take("not")
        word = self.next().lower()
        if word == "between":
            low = self.value()
            self.need("and")
            high = self.value()
            return lambda rows: turned != (low(rows) <= left(rows) <= high(rows))
        if word == "in":
            self.need("(")
            values = self.several(self.value)
            self.need(")")
            return lambda rows: turned != (left(rows) in [value(rows) for value in values])
        if word == "like":
            pattern = re.escape(self.value()([])).replace("%", ".*").replace("_", ".")
            return lambda rows: turned != bool(re.fullmatch(pattern, left(rows), re.IGNORECASE))
        right, compare = self.value(), COMPARE[word]
        return lambda rows: compare(left(rows), right(rows))

    def run(self, data):
        aliases = [alias for alias, _ in self.tables]
        product = itertools.product(*(data[name] for _, name in self.tables))
        rows = [dict(zip(aliases, row, strict=True)) for row in product]
        rows = [row for row in rows if all(condition([row]) for condition in self.conditions)]
        groups = [[row] for row in rows]
        if self.group:
            keyed = {}
            for row in rows:
                keyed.setdefault(tuple(key([row]) for key in self.group), []).append(row)
            groups = list(keyed.values())
        elif self.has_aggregate:
            groups = [rows]
        groups = [group for group in groups if self.having is None or self.having(group)]
        for key, down in reversed(self.order):
            groups.sort(key=key, reverse=down)
        result = [tuple(item(group) for item in self.items) for group in groups]
        result = list(dict.fromkeys(result)) if self.distinct else result
        return result[: self.limit]


def database(schema, pool, rng):
    data = {}
    pool = {kind: rng.sample(values, min(len(values), rng.randint(1, 5))) for kind, values in pool.items()}
    for table, columns in schema.items():
        rows = []
        for key in range(1, rng.randint(4, 9)):
            row = {}
            for column, kind in columns:
                number = rng.randint(1, 5) if column.endswith("_id") else rng.choice(pool["INTEGER"])
                row[column] = key if column == "id" else rng.choice(pool["TEXT"]) if kind == "TEXT" else number
            rows.append(row)
        data[table] = rows
    return data


@functools.cache
def schema_of(prompt):
    schema = {}
    for table, columns in re.findall(r"CREATE TABLE (\w+) \(([^()]*)\)", prompt):
        schema[table.lower()] = [
            tuple(column.split()[:2]) for column in columns.lower().replace("text", "TEXT").split(",")
        ]
    return schema


def find_query(completion):
    fenced = re.findall(r"```(?:sql)?\s*\n(.*?)```", completion, re.DOTALL | re.IGNORECASE)
    text = fenced[-1] if fenced else completion
    found = re.search(r"\bSELECT\b.*?(?:;|\Z|\n\s*\n)", text, re.DOTALL | re.IGNORECASE)
    return found.group().strip() if found else ""


def verify(prompt, completion, reference):
    schema, text = schema_of(prompt), find_query(completion)
    if not text or re.search(r"\beither\b.*```.*\bor\b", completion, re.DOTALL | re.IGNORECASE):
        return 0.0
    expected = Query(reference, schema)
    try:
        given = Query(text, schema)
        numbers = [
            int(n) + by for n in re.findall(r"\b\d+\b", f"{reference} {text}") for by in (-9, -4, -1, 0, 0, 1, 6)
        ]
        words = re.findall(r"'([^'%]*)%?'", f"{reference} {text}")
        pool = {"INTEGER": numbers or [1, 2, 3], "TEXT": [*words, *(word + "x" for word in words), "Other", "Thing"]}
        rng = random.Random(7)
        for _ in range(60):
            data = database(schema, pool, rng)
            ours, its = expected.run(data), given.run(data)
            if ours != its if expected.order else sorted(map(repr, ours)) != sorted(map(repr, its)):
                return 0.0
    except (ValueError, KeyError, IndexError, TypeError):
        return 0.0
    return 1.0
