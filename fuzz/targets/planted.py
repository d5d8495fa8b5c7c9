"""A target with a fault, by which the runner shows that it finds one."""

from targets.steps import Fault


def planted(data: bytes) -> None:
    """Raise for every input that is not empty."""
    if data:
        raise Fault("this one is planted")
