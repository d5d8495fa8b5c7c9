"""Exit codes, and one line on stderr instead of a traceback.

0 ok, 1 the answer is no, 2 usage or configuration, 3 unreachable, 130 interrupted.
"""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import os
import sys
from typing import Final

import click

from nwip.cli.text import printable

NO: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130


class Failure(Exception):  # noqa: N818 - it is an answer, and no fault of the program
    """Ends the program with this exit code and one line on stderr."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Commands(click.Group):
    """A group whose commands may raise what the parts that they call raise."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn whatever it says no with into a line and an exit code, Ctrl-C into 130."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.ClickException, click.exceptions.Exit, click.exceptions.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # The reader has seen enough: nothing is wrong, and nothing may be written when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Exception as error:
            failure = as_failure(error)
            if failure is None:
                raise
            click.echo(f"nwip: {printable(failure)}", err=True)
            ctx.exit(failure.code)


def as_failure(error: Exception) -> Failure | None:
    """Return the failure that an exception of the node's parts means, None when it is a fault of ours."""
    from nwip.config import ConfigError
    from nwip.control import NodeRefused, NodeUnreachable
    from nwip.dss.reader import DssRefused, DssUnreachable

    match error:
        case Failure():
            return error
        case ConfigError():
            return Failure(USAGE, str(error))
        case NodeRefused():
            return Failure(error.code, error.sentence)
        case DssRefused():
            return Failure(NO, str(error))
        case NodeUnreachable() | DssUnreachable():
            return Failure(UNREACHABLE, str(error))
        case OSError():
            return Failure(UNREACHABLE, error_text(error))
    return None


def error_text(error: OSError) -> str:
    """Return what the system said, and about which file."""
    text = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename else text
