"""Tells cheaply whether the files of a dbt project changed: by path, size and time, never by content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from heliograph.airflow.dbt_project.project_file import packages_folder

_IGNORED_FOLDERS = frozenset({".git", ".venv", "__pycache__", "logs", "node_modules", "target", "venv"})


def fingerprint(project_dir: Path) -> str:
    """A digest of every file of the project: its path, size in bytes and time of last change.

    ``dbt deps`` writes installed packages anew each time, so of those only the lock file and the names count;
    a local package, which is a link to a folder, counts with all of its files.
    """
    packages = packages_folder(project_dir)
    digest = hashlib.sha256()
    for entry in _files(project_dir, skip=packages):
        digest.update(_line(entry))
    if packages.is_dir():
        for package in sorted(os.scandir(packages), key=lambda entry: entry.name):
            digest.update(f"{package.name}\0".encode())
            if package.is_symlink() and package.is_dir():
                for entry in _files(Path(package.path).resolve(), skip=None):
                    digest.update(_line(entry))
    return digest.hexdigest()


def _line(entry: os.DirEntry[str]) -> bytes:
    stat = entry.stat(follow_symlinks=True)
    return f"{entry.path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode()


def _files(folder: Path, *, skip: Path | None) -> Iterator[os.DirEntry[str]]:
    """All files below the folder in a fixed order. Linked folders and links to nothing are left out."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _IGNORED_FOLDERS and (skip is None or entry.path != str(skip)):
                yield from _files(Path(entry.path), skip=skip)
        elif entry.is_file(follow_symlinks=True) and not entry.name.startswith(".user"):
            yield entry
