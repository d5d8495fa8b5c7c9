"""Makes man pages and completions when hatchling builds a wheel, from the code that goes into it."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualsHook(BuildHookInterface[Any]):
    """Adds what `manuals.files` gives to the wheel's shared data."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - an editable one too
        """Write the files, and say where they belong."""
        root = Path(self.root)
        sys.path[:0] = [str(root / "src"), str(root / "packaging")]
        from manuals.files import files  # noqa: PLC0415 - its place has just become known

        self._folder = Path(tempfile.mkdtemp(prefix="nwip-manuals-"))
        for place, text in files(self.metadata.version):
            path = self._folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            build_data["shared_data"][str(path)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Take the files away again: they are in the wheel."""
        shutil.rmtree(self._folder)
