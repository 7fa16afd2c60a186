"""The one error of closed networks that a user can fix, in both languages."""


class AirgapError(Exception):
    """What is missing, then what would mend it; Japanese first."""

    def __init__(self, *, ja: str, en: str) -> None:
        super().__init__(f"{ja}\n{en}")
        self.ja = ja
        self.en = en
