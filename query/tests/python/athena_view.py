"""Stands in for Athena: reads our statements in its dialect, and answers questions in that dialect over a lake.

Every statement has to parse as the one thing it is for. Then DuckDB holds the tables, made of the files that the Delta
logs name, and the view, translated. Prints an array with the rows of each question; members that are null are left out.

usage: athena_view.py LAKE_URL FOLDER_OF_LAKE < {"statements": [{"name": …, "sql": …}], "questions": […]}
"""
import json
import pathlib
import sys
import urllib.parse

import duckdb
import sqlglot
from sqlglot import exp

lake_url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
asked = json.load(sys.stdin)
base = duckdb.connect()
base.execute("SET TimeZone = 'UTC'")


def parse(sql):
    """The one statement in a text; what the dialect does not know would come out as a mere command."""
    [statement] = sqlglot.parse(sql, dialect="athena")
    assert isinstance(statement, (exp.Create, exp.Query)), sql
    return statement


def files(table):
    """The data files that the log of a Delta table names, at its newest version."""
    named = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                named[action["add"]["path"]] = True
            elif "remove" in action:
                named.pop(action["remove"]["path"], None)
    return [str(table / urllib.parse.unquote(path)) for path in named]


def make_table(statement):
    """The table at the place that its statement names, which says nothing else but that it is Delta."""
    properties = statement.args["properties"].expressions
    [place] = [p.this.this for p in properties if isinstance(p, exp.LocationProperty)]
    [delta] = [(p.this.this, p.args["value"].this) for p in properties if type(p) is exp.Property]
    assert statement.args["exists"] and delta == ("table_type", "DELTA") and len(properties) == 3, statement
    assert place.startswith(lake_url) and place.endswith("/"), place
    named = files(folder / place.removeprefix(lake_url))
    if named:
        name = statement.this.sql(dialect="duckdb")
        base.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet(?, hive_partitioning = true)", [named])


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def rows(question):
    answer = base.execute(parse(question).sql(dialect="duckdb"))
    names = [column[0] for column in answer.description]
    return [plain(dict(zip(names, row))) for row in answer.fetchall()]


for made in asked["statements"]:
    statement = parse(made["sql"])
    if statement.kind == "DATABASE":
        name = statement.this.sql(dialect="duckdb")
        base.execute(f"CREATE SCHEMA {name}; USE {name}")
    elif statement.kind == "TABLE":
        make_table(statement)
    else:
        assert statement.kind == "VIEW" and statement.args["replace"], made
        base.execute(statement.sql(dialect="duckdb"))
json.dump([rows(question) for question in asked["questions"]], sys.stdout)
