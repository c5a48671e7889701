#!/usr/bin/env python3
"""check_sbom.py DOCUMENT FILE...: the document is valid SPDX 2.3, in what it uses of that, and names what the files link."""
import json
import re
import subprocess
import sys

LICENSES = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.1-or-later",
            "LGPL-3.0-or-later", "MIT", "Zlib", "curl"}
EXCEPTIONS = {"GCC-exception-3.1"}
RELATIONSHIPS = {"DESCRIBES", "DYNAMIC_LINK", "CONTAINS"}
DOCUMENT_MEMBERS = {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages",
                    "relationships"}
PACKAGE_MEMBERS = {"SPDXID", "name", "downloadLocation", "filesAnalyzed", "licenseConcluded", "licenseDeclared", "copyrightText"}
OPTIONAL_MEMBERS = {"versionInfo", "sourceInfo"}


def license_problems(expression):
    for part in re.split(r" (?:OR|AND) ", expression):
        name, _, exception = part.partition(" WITH ")
        if name not in LICENSES or (exception and exception not in EXCEPTIONS):
            yield f"{expression!r} is no licence expression that is known here"


def package_problems(package):
    members = set(package)
    if not PACKAGE_MEMBERS <= members <= PACKAGE_MEMBERS | OPTIONAL_MEMBERS:
        yield f"members of a package: {sorted(members)}"
        return
    if not re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"]):
        yield f"SPDXID {package['SPDXID']!r}"
    if package["filesAnalyzed"] is not False or not package["name"] or package.get("versionInfo") == "":
        yield f"package {package['name']!r}"
    yield from license_problems(package["licenseDeclared"])
    yield from license_problems(package["licenseConcluded"])


def document_problems(document):
    if set(document) != DOCUMENT_MEMBERS:
        yield f"members of the document: {sorted(document)}"
        return
    if (document["spdxVersion"], document["dataLicense"], document["SPDXID"]) != ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"):
        yield "version, licence or identifier of the document"
    if not re.fullmatch(r"https?://[^#\s]+", document["documentNamespace"]):
        yield f"namespace {document['documentNamespace']!r}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"]):
        yield f"created {document['creationInfo']['created']!r}"
    if not all(re.fullmatch(r"(Tool|Person|Organization): .+", c) for c in document["creationInfo"]["creators"] or [""]):
        yield f"creators {document['creationInfo']['creators']!r}"
    for package in document["packages"]:
        yield from package_problems(package)
    ids = [p["SPDXID"] for p in document["packages"]] + [document["SPDXID"]]
    if len(ids) != len(set(ids)):
        yield "an identifier is given twice"
    for r in document["relationships"]:
        if not {r["spdxElementId"], r["relatedSpdxElement"]} <= set(ids) or r["relationshipType"] not in RELATIONSHIPS:
            yield f"relationship {r}"


def linked(files):
    """The libraries that the loader is to find for the files, but for our own."""
    for file in files:
        text = subprocess.run(["readelf", "-dW", file], check=True, capture_output=True, text=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            if not name.startswith("libsigmoe.so"):
                yield name


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    problems = list(document_problems(document))
    names = {p["SPDXID"]: p["name"] for p in document["packages"]}
    said = {names.get(r["relatedSpdxElement"]) for r in document["relationships"] if r["relationshipType"] == "DYNAMIC_LINK"}
    for name in said ^ set(linked(sys.argv[2:])):
        problems.append(f"{name} is {'named, but not linked' if name in said else 'linked, but not named'}")
    print("\n".join(problems) or f"{len(said)} libraries are linked, and named")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
