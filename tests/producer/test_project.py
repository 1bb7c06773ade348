from pathlib import Path

import pytest

from heliograph.producer.errors import NotADbtProject
from heliograph.producer.project import project_name


@pytest.mark.parametrize(
    "text", ["name: shop\n", "version: 1\nname : 'shop'\n", 'models:\n  name: x\nname: "shop" # y\n']
)
def test_reads_the_name_at_the_top_level(tmp_path: Path, text: str) -> None:
    (tmp_path / "dbt_project.yml").write_text(text)
    assert project_name(tmp_path) == "shop"


def test_a_folder_without_a_project_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(NotADbtProject) as raised:
        project_name(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in str(raised.value)
    assert "--project-dir" in str(raised.value)
