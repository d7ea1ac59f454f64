"""Put the definition folders into the wheel.

Everything else about the package is said in setup.cfg. `templates/`, `schemas/` and `workflows/` stand at the
top of a checkout because people edit them there; inside a wheel they go under `formwork_data/`, so that no
installed package claims a name as plain as `templates`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
FOLDERS = ("templates", "schemas", "workflows")


class BuildWithDefinitions(build_py):
    """`build_py` that also copies the definition folders; an editable install reads them from the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self._copy_definitions(Path(self.build_lib) / "formwork_data")

    def _copy_definitions(self, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        for folder in FOLDERS:
            if (HERE / folder).is_dir():
                shutil.copytree(HERE / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))


setup(cmdclass={"build_py": BuildWithDefinitions})
