"""`make audit`: known weaknesses in the libraries that are installed.

Where nobody can be asked for them that is said, and is no failure; a weakness that is found is.
"""

import json
import subprocess
import sys

import typer

_COMMAND = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
# The exact versions are named, so nothing has to be installed to find out what comes along.
_AS_THEY_ARE = ["--no-deps", "--disable-pip", "--requirement"]


def main(constraints: str) -> int:
    """Ask for the libraries in a file of exact versions; return the exit code."""
    asked = subprocess.run(
        [*_COMMAND, *_AS_THEY_ARE, constraints], capture_output=True, text=True, check=False
    )
    try:
        dependencies = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = asked.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return _say_unknown(last[0])
    weak = [each for each in dependencies if each.get("vulns")]
    unknown = [each for each in dependencies if "skip_reason" in each]
    for each in weak:
        for weakness in each["vulns"]:
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            typer.echo(f"{each['name']} {each['version']}: {weakness['id']}, mended in {fixed}")
    if len(unknown) == len(dependencies):
        return _say_unknown(unknown[0]["skip_reason"] if unknown else "no libraries named")
    for each in unknown:
        typer.echo(f"{each['name']}: nothing is known of it ({each['skip_reason']})")
    typer.echo(f"{len(dependencies)} libraries, {len(weak)} of them with known weaknesses.")
    return 1 if weak else 0


def _say_unknown(reason: str) -> int:
    typer.echo(f"No library was looked up: the list of weaknesses can't be reached ({reason}).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
