"""CITATION.cff is what the Citation File Format 1.2.0 asks for, and every place that repeats the project's version agrees.

    citation.py ROOT
"""
import os
import re
import sys

import yaml

KEYS = {"cff-version": str, "message": str, "title": str, "authors": list}  # what the format demands of a file
SOFTWARE = {"type": str, "version": str, "license": str, "abstract": str, "references": list}  # and we, of ours
REFERENCE = {"type": str, "title": str, "authors": list, "year": int, "doi": str, "url": str}
TYPES = ("article", "conference-paper", "software", "dataset")


def problems_of(place, entry, keys):
    for key, kind in keys.items():
        if not isinstance(entry.get(key), kind) or not entry[key]:
            yield f"{place}: `{key}` is missing, empty or no {kind.__name__}"
    for author in entry.get("authors") or []:
        if not author.get("name") and not (author.get("family-names") and author.get("given-names")):
            yield f"{place}: an author has neither `name` nor `family-names` and `given-names`: {author}"
    if entry.get("type") not in TYPES:
        yield f"{place}: `type` is {entry.get('type')}"
    if not re.fullmatch(r"10\.\d{4,9}/\S+", entry.get("doi", "10.1000/none")):
        yield f"{place}: `doi` is {entry['doi']}"


def citation_problems(citation):
    yield from problems_of("CITATION.cff", citation, {**KEYS, **SOFTWARE})
    if citation.get("cff-version") != "1.2.0":
        yield f"CITATION.cff: `cff-version` is {citation.get('cff-version')}"
    for reference in citation.get("references") or []:
        yield from problems_of(f"CITATION.cff, \"{reference.get('title')}\"", reference, REFERENCE)
    if not any("2310.10837" in reference.get("url", "") for reference in citation.get("references") or []):
        yield "CITATION.cff: the paper, arXiv 2310.10837, is not among `references`"


def versions(root, citation):
    """(file, version) of each place."""
    def read(name):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            return file.read()

    numbers = re.findall(r"^#define SIGMOE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", read("include/sigmoe.h"), re.M)
    yield "include/sigmoe.h", ".".join(numbers)
    yield "CITATION.cff", citation.get("version")
    yield "CHANGELOG.md", re.search(r"^## (\S+)", read("CHANGELOG.md"), re.M).group(1)
    yield "debian/changelog", re.match(r"sigmoe \((\S+)\)", read("debian/changelog")).group(1)


def main():
    root, = sys.argv[1:]
    with open(os.path.join(root, "CITATION.cff"), encoding="utf-8") as file:
        citation = yaml.safe_load(file)
    problems = list(citation_problems(citation))
    (_, version), *others = versions(root, citation)
    problems += [f"{name} is of {other}, include/sigmoe.h of {version}" for name, other in others if other != version]
    print("\n".join(problems) or f"CITATION.cff and all versions are right: {version}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
