"""The one way in which nwip says that its configuration, or what it asks of the machine, cannot be."""


class ConfigError(Exception):
    """A configuration that cannot be used; as text one sentence that names file, key and mend.

    `file` is None when no file was read and the defaults hold; `key` is the dotted name, "" for the whole.
    """

    def __init__(self, file: str | None, key: str, problem: str, mend: str) -> None:
        self.file = file
        self.key = key
        self.problem = problem
        self.mend = mend
        where = file or "nwip without a configuration file"
        subject = f"key '{key}' {problem}" if key else problem
        super().__init__(f"{where}: {subject}; {mend}")
