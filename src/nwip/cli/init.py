"""The command that asks four questions and writes a configuration."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwip.cli.failures import NO, USAGE, Failure
from nwip.cli.source import json_option
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import example, printable

if TYPE_CHECKING:
    from nwip.config.choices import Choices, Reach


@click.command(
    epilog=example(
        "nwip init",
        "nwip init --yes",
        "nwip init site.toml --dss 192.0.2.1 --attach dosbox --attach ethernet:eth0 --yes",
    )
)
@click.argument("file", type=click.Path(path_type=Path), default="nwip.toml")
@click.option(
    "--domain", metavar="NAME", help="The domain's name; empty takes that of the DSS that is found."
)
@click.option("--dss", metavar="WHERE", help="Where its DSS is: here, HOST[:PORT], or find.")
@click.option(
    "--attach", multiple=True, metavar="KIND[:WHERE]", help="What is attached, or none; repeatable."
)
@click.option(
    "--reach",
    type=click.Choice(["local", "sealed", "open"]),
    help="Who may join: private networks, invited members from anywhere, or anybody.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: what no option says is as suggested.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def init(
    file: Path,
    domain: str | None,
    dss: str | None,
    attach: tuple[str, ...],
    reach: "Reach | None",
    *,
    yes: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Ask four questions and write a commented configuration, by default nwip.toml.

    Options answer beforehand. Answers may come from a pipe, a line each. A file that is there stays, unless
    you say otherwise.
    """
    from nwip.config.choices import Choices
    from nwip.config.reading import parse

    if file.exists() and not force:
        sentence = f"{file} is there already: name another file, or write over it with --force"
        if yes or not _ask(f"{file} is there already. Write over it? (yes or no)", "no", _checked_truth):
            raise Failure(NO, sentence)
    choices = _choices(Choices(), domain, dss, attach, reach, yes=yes)
    text = choices.file()
    config = parse(text, str(file))
    _write(file, text)
    steps = choices.steps(str(file))
    if as_json:
        say(json.dumps({"schema": SCHEMA, "file": str(file), "domain": config.domain.name, "next": steps}))
        return
    links = ", ".join(link.title for link in config.links) or "none"
    say(printable(f"{file} is written: {_told(choices)}; links: {links}"))
    say("Next:")
    for step in steps:
        say(printable(f"  {step}"))


def _choices(
    usual: "Choices",
    domain: str | None,
    dss: str | None,
    attach: tuple[str, ...],
    reach: "Reach | None",
    *,
    yes: bool,
) -> "Choices":
    from nwip.config.choices import ATTACHED, HERE, REACHES, Choices, checked_domain, checked_dss

    def answer(
        given: str | None, question: str, suggested: str, checked: Callable[[str], str], option: str
    ) -> str:
        if given is not None or yes:
            try:
                return checked(suggested if given is None else given)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=f"'{option}'") from None
        return _ask(question, suggested, checked)

    name = answer(
        domain,
        "1. The domain's name (find: that of the DSS there is)",
        "nwip.local",
        _none(checked_domain, "find"),
        "--domain",
    )
    where = answer(
        dss,
        "2. Where is its DSS, the directory? (here, HOST[:PORT], or find)",
        HERE if name else "find",
        checked_dss,
        "--dss",
    )
    kinds = "".join(f"\n     {form:20}{what}" for form, what in ATTACHED.items())
    attached = answer(
        ",".join(attach) if attach else None,
        f"3. What shall be attached?{kinds}\n   One or several, with commas, or none",
        ",".join(usual.attach),
        _checked_attachments,
        "--attach",
    )
    who = answer(
        reach,
        "4. Who may join? (local: private networks; sealed: members from anywhere; open: anybody)",
        usual.reach,
        _one_of(REACHES),
        "--reach",
    )
    chosen = Choices(
        name, where, tuple(filter(None, attached.split(","))), next(each for each in REACHES if each == who)
    )
    if chosen.reach == "sealed" and chosen.dss == HERE and not chosen.domain:
        raise Failure(USAGE, "a sealed domain that is made here needs a name: --domain NAME")
    return chosen


def _told(choices: "Choices") -> str:
    dss = {"here": "serves its DSS", "find": "finds its DSS"}.get(choices.dss, f"asks the DSS {choices.dss}")
    return f"domain {choices.domain or 'of the DSS that is found'}, {choices.reach}, {dss}"


def _ask(question: str, suggested: str, checked: Callable[[str], str]) -> str:
    """Ask on stderr until the answer is good."""

    def value(text: str) -> str:
        try:
            return checked(text.strip())
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    try:
        answer: str = click.prompt(question, default=suggested, value_proc=value, err=True)
    except click.Abort:
        click.echo(err=True)  # the question has no end of its line
        sentence = "no answer came: give it by option, or take what is suggested with --yes"
        raise Failure(USAGE, sentence) from None
    return answer


def _checked_truth(text: str) -> str:
    """Return "yes", or "" for no."""
    if text.casefold() not in {"yes", "y", "no", "n"}:
        raise ValueError("write yes or no")
    return "yes" if text.casefold().startswith("y") else ""


def _none(checked: Callable[[str], str], word: str) -> Callable[[str], str]:
    return lambda text: checked("" if text == word else text)


def _checked_attachments(text: str) -> str:
    from nwip.config.choices import checked_attachment

    if text in {"none", ""}:
        return ""
    return ",".join(checked_attachment(each.strip()) for each in text.split(","))


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if text not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return text

    return checked


def _write(file: Path, text: str) -> None:
    """Write the file for all to read: it has no secret, and the user whom nwip becomes reads it again."""
    try:
        file.write_text(text, "utf-8")
        file.chmod(0o644)
    except OSError as error:
        raise Failure(USAGE, f"{file} cannot be written: {error.strerror}") from None
