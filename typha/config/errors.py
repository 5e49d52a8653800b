"""What is wrong with a configuration: always the setting, its value and what is accepted."""


class ConfigError(Exception):
    """A setting that the server refuses to start with.

    `setting` is the name a user wrote or can write, `value` what it was set to, `accepted` what
    would have been right.
    """

    def __init__(self, setting: str, value: str, accepted: str) -> None:
        wrong = f"{value!r} cannot be used" if value else "it is not set"
        super().__init__(f"{setting}: {wrong}; {accepted}")
        self.setting = setting
        self.value = value
        self.accepted = accepted
