"""The configuration of a node: `nwip.toml`, what may stand in it, and what to say when it is wrong."""

from nwip.config.error import ConfigError
from nwip.config.links import AnyLink
from nwip.config.paths import SYSTEM_CONTROL_PATH, default_control_path, default_state_directory
from nwip.config.reading import example, joining, load, portable, usual_control_path
from nwip.config.settings import Config, DssSettings, NodeSettings, WebSettings

__all__ = [
    "SYSTEM_CONTROL_PATH",
    "AnyLink",
    "Config",
    "ConfigError",
    "DssSettings",
    "NodeSettings",
    "WebSettings",
    "default_control_path",
    "default_state_directory",
    "example",
    "joining",
    "load",
    "portable",
    "usual_control_path",
]
