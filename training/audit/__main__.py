"""python -m training.audit: a page on the biases of a data set that would inflate an accuracy."""

from __future__ import annotations

import shlex
import sys
from functools import partial

from training.audit.config import AuditConfig
from training.cli.command import run_command
from training.data.catalog import refuse_out
from training.loop.progress import console


def main(argv: list[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    work = partial(audit, arguments=arguments)
    return run_command(AuditConfig, work, section="audit", positional="data", argv=arguments)


def audit(config: AuditConfig, arguments: list[str]) -> None:
    """Audit the data folder, print the findings, and write the page."""
    from training.audit.findings import audit_folder
    from training.audit.page import write_page

    refuse_out(config.data, config.out)
    found = audit_folder(config)
    for line in found.findings or ["Nothing stands out."]:
        console.print(f"- {line}")
    path = write_page(found, shlex.join(["python", "-m", "training.audit", *arguments]), config.out)
    console.print(f"Wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
