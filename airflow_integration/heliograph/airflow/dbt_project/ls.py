"""Asks dbt itself for the nodes of a project: ``dbt ls --output json`` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from heliograph.airflow.config.profile import ProfileConfig, ReadyProfile
from heliograph.airflow.constants import InvocationMode, TestIndirectSelection
from heliograph.airflow.dbt_project.find_dbt import dbt_command
from heliograph.airflow.dbt_project.fingerprint import fingerprint
from heliograph.airflow.dbt_project.ls_cache import LsCache, digest
from heliograph.airflow.dbt_project.manifest import RawNode
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.project_file import needs_deps
from heliograph.airflow.errors import DbtListError

OUTPUT_KEYS = RawNode.__struct_fields__
"""The keys of a node that are asked for; dbt leaves out those a node does not have."""

_PLAIN = ("--no-use-colors", "--log-format", "text")
"""Stated because a project or the environment may have set something else."""

_DECODER = msgspec.json.Decoder(RawNode)
_TIME = re.compile(r"^\d{2}:\d{2}:\d{2}\s+")


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """What to list and with which dbt.

    Attributes:
        project_dir: folder of the project.
        profile: profile and target; a mapping is used with made-up values, listing needs no database.
        select, exclude, indirect_selection: passed to dbt as they are.
        dbt_vars, env_vars: for dbt.
        install_deps: run ``dbt deps`` first where the project names packages.
        partial_parse: let dbt reuse what it parsed before.
        invocation_mode, dbt_executable_path: which dbt to call.
    """

    project_dir: Path
    profile: ProfileConfig
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    indirect_selection: TestIndirectSelection = TestIndirectSelection.EAGER
    dbt_vars: Mapping[str, Any] = field(default_factory=dict)
    env_vars: Mapping[str, str] = field(default_factory=dict)
    install_deps: bool = True
    partial_parse: bool = True
    invocation_mode: InvocationMode | None = None
    dbt_executable_path: str | Path | None = None


def list_nodes(request: ListRequest, *, cache: LsCache) -> list[DbtNode]:
    """The nodes dbt lists, from the cache where nothing changed since.

    Raises:
        DbtListError: dbt ended with an error; the message is dbt's.
        ConfigError: there is no dbt to call.
        ProfileError: the profile cannot be made.
    """
    known = cache.read(_key(request))
    if known is not None:
        return list(parse_lines(known))
    with cache.lock():
        known = cache.read(_key(request))
        if known is None:
            known = _ask_dbt(request, scratch=cache.folder)
            # Asked again: dbt deps may just have installed packages.
            cache.write(_key(request), known)
    return list(parse_lines(known))


def parse_lines(output: str) -> Iterator[DbtNode]:
    """The nodes among the lines dbt printed; log lines between them are passed over.

    Raises:
        DbtListError: a line is a node but not one that can be read.
    """
    for line in output.splitlines():
        if line.startswith("{") and '"unique_id"' in line:
            try:
                raw = _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise DbtListError(
                    f"dbt ls printed a node that cannot be read ({error}): {line[:200]}",
                    setting="RenderConfig.dbt_executable_path",
                    fix="use a dbt version Heliograph supports, or read the nodes from a manifest",
                ) from error
            yield raw.to_node(raw.unique_id)


def _ask_dbt(request: ListRequest, *, scratch: Path) -> str:
    dbt = dbt_command(request.invocation_mode, request.dbt_executable_path)
    with request.profile.ensure_profile(use_mock_values=True) as profile:
        common = _common_options(request, profile, scratch)
        env = {**os.environ, **profile.env_vars, **request.env_vars, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        if request.install_deps and needs_deps(request.project_dir):
            _run([*dbt, *_PLAIN, "deps", *common], what="dbt deps", request=request, env=env)
        ls = [*dbt, *_PLAIN, "--quiet", *([] if request.partial_parse else ["--no-partial-parse"]), "ls"]
        ls += ["--output", "json", "--output-keys", *OUTPUT_KEYS, *common, "--target-path", str(scratch / "target")]
        ls += ["--indirect-selection", request.indirect_selection.value]
        ls += ["--select", *request.select] if request.select else []
        ls += ["--exclude", *request.exclude] if request.exclude else []
        output = _run(ls, what="dbt ls", request=request, env=env)
    return "".join(f"{line}\n" for line in output.splitlines() if line.startswith("{"))


def _common_options(request: ListRequest, profile: ReadyProfile, scratch: Path) -> list[str]:
    options = ["--project-dir", str(request.project_dir), "--profiles-dir", str(profile.path.parent)]
    options += ["--profile", request.profile.profile_name, "--target", request.profile.target_name]
    options += ["--vars", json.dumps(dict(request.dbt_vars))] if request.dbt_vars else []
    return [*options, "--log-path", str(scratch / "logs")]


def _run(command: list[str], *, what: str, request: ListRequest, env: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=request.project_dir, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DbtListError(
            f"{what} failed in {request.project_dir}: {_what_dbt_said(done.stdout, done.stderr)}",
            setting="ProjectConfig, ProfileConfig, RenderConfig.select",
            fix=f"correct what dbt names; to try: {what} --project-dir {request.project_dir}",
        )
    return done.stdout


def _what_dbt_said(stdout: str, stderr: str) -> str:
    """The text of dbt's error on one line, without times."""
    lines = [_TIME.sub("", line).strip() for line in (stdout.strip() or stderr.strip()).splitlines()]
    if "Encountered an error:" in lines:
        lines = lines[lines.index("Encountered an error:") + 1 :]
    return " ".join(line for line in lines if line)[-4000:] or "it said nothing"


def _key(request: ListRequest) -> str:
    profile = request.profile
    return digest(
        {
            "project": str(request.project_dir.resolve()),
            "files": fingerprint(request.project_dir),
            "profile": [profile.profile_name, profile.target_name, *_profile_source(profile)],
            "selection": [list(request.select), list(request.exclude), request.indirect_selection],
            "vars": request.dbt_vars,
            "env": {**_dbt_environment(), **request.env_vars},
            "deps": request.install_deps,
            "dbt": [request.invocation_mode, str(request.dbt_executable_path)],
        }
    )


def _profile_source(profile: ProfileConfig) -> list[object]:
    if profile.profiles_yml_filepath is not None:
        stat = Path(profile.profiles_yml_filepath).stat()
        return [str(profile.profiles_yml_filepath), stat.st_size, stat.st_mtime_ns]
    mapping = profile.profile_mapping
    return [type(mapping).__name__, None if mapping is None else mapping.mock_profile]


def _dbt_environment() -> dict[str, str]:
    """The environment variables dbt itself reads."""
    return {name: value for name, value in os.environ.items() if name.startswith("DBT_")}
