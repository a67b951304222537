"""What a good namer would say of each task."""

from ravelar.tools.task import TaskSpec

_FINAL = (
    "The final answer counts, whatever prose, code fence, quotes or box stands around it, and whatever is considered "
    "and taken back before it. A completion that offers several answers without choosing is wrong."
)

SPECS = {
    spec.label: spec
    for spec in (
        TaskSpec(
            label="bracket_repair",
            summary="Insert as few brackets as possible into a text so that all its brackets match.",
            inputs="A text with unbalanced ( ) [ ] { }, in backticks, and the rule that only insertions are allowed.",
            correct="The answer is the whole text: every character of the given one in its order, nothing but brackets "
            "inserted, all brackets matched and properly nested, and as few insertions as possible. Often several "
            "minimal repairs exist; each is right, and all are as long as the reference. " + _FINAL,
            reference_decides=False,
            reference_form="One minimal repair, a string.",
        ),
        TaskSpec(
            label="date_normalisation",
            summary="Rewrite a date given in words, digits or by a calendar rule as YYYY-MM-DD.",
            inputs="A date, with its convention where the order of day and month would be open.",
            correct="The last date given is the reference's, written as YYYY-MM-DD with leading zeros and hyphens; "
            "slashes, other orders, two-digit years and missing zeros are wrong. " + _FINAL,
            reference_decides=True,
            reference_form="The date as YYYY-MM-DD.",
        ),
        TaskSpec(
            label="sql_equivalence",
            summary="Write a SQLite query for a question on a schema of two tables.",
            inputs="CREATE TABLE statements of two tables, a question, and the rule: one SELECT without subqueries.",
            correct="The query gives the same result as the reference on every database of the schema (id unique, "
            "no NULL): the same columns in the same order whatever their names, the same rows with the same "
            "repetitions; the order of rows counts only where the reference sorts. Aliases, case, the order of "
            "conditions and the way joins are written do not matter. " + _FINAL,
            reference_decides=True,
            reference_form="A SELECT statement over one table or an inner join of two.",
        ),
        TaskSpec(
            label="haiku_syllables",
            summary="Write a haiku that contains a given word.",
            inputs="A word in double quotes that the poem must contain, and the form: lines of 5, 7 and 5 syllables.",
            correct="There is one poem of exactly three lines, of five, seven and five English syllables, and the word "
            "stands in it. Remarks before and after it, apart from it by an empty line, do not matter; two poems to "
            "choose from are wrong. Its quality does not count.",
            reference_decides=False,
            reference_form="One haiku of the many that are right.",
        ),
        TaskSpec(
            label="unit_conversion",
            summary="Convert a quantity into another unit and round it as asked.",
            inputs="A number with its unit, the unit wanted, and how to round.",
            correct="Number and unit are the reference's: the number equal to it in value (1,234.50 is 1234.5), the "
            "unit by its symbol or its name. Another rounding, a missing or another unit is wrong. " + _FINAL,
            reference_decides=True,
            reference_form="Number and unit symbol, such as '91.44 cm'.",
        ),
    )
}
