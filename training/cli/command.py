"""The frame of every command: flags and YAML into a dataclass, one clear line for an error."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from ssmamba.errors import DataError, SSMambaError, did_you_mean
from ssmamba.files import refuse_unwritable
from training.cli.flag_errors import dashed
from training.cli.flags import FlagParser
from training.cli.limits import refuse_impossible
from training.cli.yaml_file import read_yaml
from training.config import RunConfig
from training.loop.interrupt import Interrupted
from training.loop.progress import console

Config = TypeVar("Config")

DEFAULT_RECIPE = "paper"
BAD_INPUT, STOPPED = 2, 130  # exit statuses
_RIGHTS = "choose another --out, or get permission to write there"
_SPACE = "free some space on the disk, or choose another --out"
REFUSED = {  # refusals of the file system, and the next step for each
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EISDIR: "check the path",
    errno.EEXIST: "give another path",
    errno.ENAMETOOLONG: "give a shorter path",
}


def run_command(
    config_class: type[Config],
    work: Callable[[Config], object],
    argv: Sequence[str] | None = None,
    *,
    section: str,
    positional: str | None = None,
    shared: bool = False,
) -> int:
    """Parse the command line, do the work, and return the exit status.

    Training (a RunConfig) starts from the paper's recipe and can run in several processes of
    torchrun. Any other command is refused there: each process would do the whole work and
    overwrite the files of the others.

    section: name of the command, under which a YAML file may group its values.
    positional: a field that is given without a flag; one that is a tuple takes several values.
    shared: whether several processes share the work though it is no RunConfig.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    recipe = DEFAULT_RECIPE if issubclass(config_class, RunConfig) else None
    try:
        if recipe is None and not shared:
            _refuse_several_processes(section)
        config = parse(config_class, arguments, section, positional, recipe)
        if getattr(config, "out", None) is not None:
            refuse_unwritable(config.out)  # type: ignore[attr-defined]
        work(config)
    except SSMambaError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except (Interrupted, KeyboardInterrupt):
        resumes = hasattr(config_class, "resume")
        next_step = " Run the same command with --resume to continue." if resumes else ""
        console.print(f"Stopped.{next_step}")
        return STOPPED
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        next_step = REFUSED.get(error.errno, "check the disk and the path")
        print(f"error: {where}{error.strerror}; {next_step}.", file=sys.stderr)
        return BAD_INPUT
    return 0


def _refuse_several_processes(section: str) -> None:
    """Raise DataError when torchrun's environment variables name several processes."""
    count = os.environ.get("WORLD_SIZE", "1") if "RANK" in os.environ else "1"
    if count.isdigit() and int(count) > 1:
        raise DataError(
            f"training.{section} runs in one process; {count} would overwrite each other's files. "
            f"Start it without torchrun: python -m training.{section} …"
        )


def parse(
    config_class: type[Config],
    arguments: Sequence[str],
    section: str,
    positional: str | None = None,
    recipe: str | None = None,
) -> Config:
    """The config: flags take precedence over --config, which takes precedence over the recipe.

    Raises DataError, and SystemExit after printing the page of --help.
    """
    given = _plain_flags(arguments, config_class)
    bundled = resources.files("resources") / "configs" / f"{recipe}.yaml"
    defaults = []
    for file in [*([bundled] if recipe else []), *config_files(given)]:
        raw = read_yaml(file, "check --config")
        defaults += _as_flags(raw, section, config_class, str(file))
    pairs = (flag.removeprefix("--").split("=", 1) for flag in defaults)
    shown = {name.replace("-", "_"): value for name, value in pairs}
    parser = FlagParser(config_class, section, positional, shown)
    if {"-h", "--help"} & set(given):
        print(parser.format_help(), end="")
        raise SystemExit(0)
    values = vars(parser.parse_args(defaults + given))
    names = {field.name for field in fields(config_class)}  # type: ignore[arg-type]
    config = config_class(**{name: value for name, value in values.items() if name in names})
    refuse_impossible(config)
    return config


def as_yaml(section: str, config: Any) -> str:
    """The effective values, as --config reads them."""
    plain = json.loads(json.dumps(asdict(config), default=str))
    return yaml.safe_dump({section: plain}, sort_keys=False)


def _plain_flags(arguments: Sequence[str], config_class: type) -> list[str]:
    """--split_seed becomes --split-seed, and a bare --resume becomes --resume=true."""
    types = get_type_hints(config_class)
    out: list[str] = []
    for index, argument in enumerate(arguments):
        match = re.match(r"--([A-Za-z][\w-]*)(=.*)?$", argument, re.DOTALL)
        if not match:
            out.append(argument)
            continue
        name, value = match[1].replace("-", "_"), match[2] or ""
        following = arguments[index + 1 : index + 2]
        kind = types.get(name)
        if bool in (kind, *get_args(kind)) and not value:  # bool | None too
            bare = not following or following[0].lower() not in ("true", "false", "null")
            value = "=true" if bare else ""
        out.append(f"{dashed(name)}{value}")
    return out


def config_files(arguments: Sequence[str]) -> list[Path]:
    """The files given with --config, in the order given."""
    files = [a.split("=", 1)[1] for a in arguments if a.startswith("--config=")]
    files += [b for a, b in pairwise(arguments) if a == "--config"]
    return [Path(f) for f in files]


def _as_flags(raw: dict[str, Any], section: str, config_class: type, where: str) -> list[str]:
    """Values of a YAML file as flags; a file may group them under the command's name."""
    sections = {key: value for key, value in raw.items() if isinstance(value, dict)}
    names = {field.name for field in fields(config_class)}
    flat = {k: v for k, v in raw.items() if k not in sections or k in names}
    values = {**flat, **sections.get(section, {})}
    flags = []
    for key, value in values.items():
        name = str(key).replace("-", "_")
        if name not in names:
            raise DataError(f"{where}: unknown value '{key}'{did_you_mean(name, names)}.")
        if value is not None:
            plain = isinstance(value, str)
            flags.append(f"{dashed(name)}={value if plain else json.dumps(value)}")
    return flags
