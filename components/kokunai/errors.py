"""The one error a user can fix, in both languages."""


class KokunaiError(Exception):
    """A mistake the user can fix: what is wrong, then what is allowed, Japanese first."""

    def __init__(self, *, ja: str, en: str) -> None:
        super().__init__(f"{ja}\n{en}")
        self.ja = ja
        self.en = en
