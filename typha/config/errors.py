"""What is wrong with a configuration: always the setting, its value and what is accepted."""


class ConfigError(Exception):
    """A setting that the server refuses to start with.

    `setting` is the name a user wrote or can write, `value` what it was set to, `accepted` what
    would have been right.
    """

    def __init__(self, setting: str, value: str, accepted: str) -> None:
        shown = repr(value) if value else "nothing"
        super().__init__(f"{setting}: {shown} cannot be used; {accepted}")
        self.setting = setting
        self.value = value
        self.accepted = accepted
