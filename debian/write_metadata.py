"""Writes what Python keeps of an installed package beside it: its name, version, needs and entry points.

    write_metadata.py pyproject.toml VERSION DIRECTORY

The program `sigmoe` is a package of its own on Debian, so pyproject.toml's scripts are left out.
"""
import os
import sys
import tomllib


def main():
    source, version, directory = sys.argv[1:]
    with open(source, "rb") as file:
        project = tomllib.load(file)["project"]
    place = os.path.join(directory, f"{project['name']}-{version}.dist-info")
    os.makedirs(place, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}", f"Summary: {project['description']}",
             f"Requires-Python: {project['requires-python']}"]
    for extra, needs in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {need}; extra == "{extra}"' for need in needs]
    write(os.path.join(place, "METADATA"), lines)
    write(os.path.join(place, "INSTALLER"), ["dpkg"])
    points = []
    for group, entries in project.get("entry-points", {}).items():
        points += [f"[{group}]"] + [f"{name} = {target}" for name, target in entries.items()]
    if points:
        write(os.path.join(place, "entry_points.txt"), points)


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
