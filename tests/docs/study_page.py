"""The tables of docs/results/study/README.md, from the study's JSON.

    study_page.py ROOT            checks that the page has every line of them; exit status 1 where one is missing
    study_page.py ROOT --print    prints them, to be put into the page

So no number on the page can differ from what came out of the runs.
"""
import json
import os
import sys

PARTS = ("bytes", "pieces")
RESULTS = os.path.join("docs", "results", "study")


def score(mean, deviation, digits):
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def best_first(variants):
    return sorted(variants, key=lambda row: row["test"]["mean"])


def digits_of(table):
    return 4 if table["score"] == "bits/char" else 3


def rows(table):
    """The table of scores: main rows, with their deviations, then the rest; each best first."""
    digits = digits_of(table)
    yield f"| row | parameters | FF FLOPs | FF time | seeds | test, {table['score']} |"
    yield "|---|---|---|---|---|---|"
    for several in (True, False):
        for row in best_first([r for r in table["variants"] if (len(r["runs"]) > 1) == several]):
            finite = [run for run in row["runs"] if run["failure"] is None]
            yield (
                f"| {row['variant']} | {row['parameters']:,} | {100 * row['ff_flops_share']:.1f} % | "
                f"{100 * row['ff_time_share']:.0f} % | {len(finite)} | {score(row['test']['mean'], row['test']['std'], digits)} |"
            )


def first_seed(table, name):
    (row,) = (r for r in table["variants"] if r["variant"] == name)
    test = row["runs"][0]["test"]
    return test["bits_per_char"] if table["score"] == "bits/char" else test["perplexity"]


def claims(table):
    """What the paper claims: with a verdict where there are three pairs, else the difference of the first seeds."""
    digits = digits_of(table)
    yield "| claim | rows | difference, 95 % interval | verdict |"
    yield "|---|---|---|---|"
    for claim in table["claims"]:
        if claim["difference"] is None:
            single = first_seed(table, claim["worse"]) - first_seed(table, claim["better"])
            value = f"{single:+.{digits}f}, one seed"
        else:
            low, high = (f"{claim[key]:+.{digits}f}" for key in ("low", "high"))
            value = f"{claim['difference']:+.{digits}f} [{low}, {high}]"
        yield f"| {claim['claim']} | {claim['better']}, {claim['worse']} | {value} | {claim['verdict']} |"


def lines(root, part):
    with open(os.path.join(root, RESULTS, f"{part}-table.json"), encoding="utf-8") as file:
        table = json.load(file)
    return [*rows(table), "", *claims(table)]


def main(root, *options):
    if options == ("--print",):
        for part in PARTS:
            print(f"## {part}\n", *lines(root, part), "", sep="\n")
        return 0
    with open(os.path.join(root, RESULTS, "README.md"), encoding="utf-8") as file:
        page = set(file.read().splitlines())
    missing = [line for part in PARTS for line in lines(root, part) if line not in page]
    for line in missing:
        print("not on the page:", line)
    print(f"{'FAILED' if missing else 'passed'}: the page of the study has {len(missing)} lines less than its results")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
