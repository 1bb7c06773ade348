"""The four config classes of a DbtDag, each in a module of its own."""

from heliograph.airflow.config.execution import ExecutionConfig
from heliograph.airflow.config.profile import ProfileConfig
from heliograph.airflow.config.project import ProjectConfig
from heliograph.airflow.config.render import RenderConfig

__all__ = ["ExecutionConfig", "ProfileConfig", "ProjectConfig", "RenderConfig"]
