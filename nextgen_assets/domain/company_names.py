"""What companies are called in headlines, from the names of their listings."""

from __future__ import annotations

import re

from nextgen_assets.domain.company_words import (
    ALIASES,
    AMBIGUOUS_NAMES,
    AMBIGUOUS_SYMBOLS,
    DESCRIPTIONS,
    LEGAL_FORMS,
    NEVER_ALONE,
)

_CLASSES = re.compile(
    r"\s*(?:[-,]?\s*(?:\(?class [a-z]\)?|cl [a-z]|series [a-z]|common (?:stock|shares).*|ordinary shares.*|capital stock.*|"
    r"american depositary .*|adr|ads|new|reit)|\((?:the|de|del|delaware|new|[a-z]{1,3})\))\s*$",
    re.IGNORECASE,
)


def is_ambiguous(name: str) -> bool:
    """Whether ``name`` is one word that also means something else."""
    return name.lower() in AMBIGUOUS_NAMES or name.lower() in AMBIGUOUS_SYMBOLS


def plain_name(name: str) -> str:
    """The name of a listing without share class, article and punctuation, its words as written.

    Examples
    --------
    >>> plain_name("Facebook, Inc. Class A")
    'Facebook Inc'
    >>> plain_name("The Goldman Sachs Group, Inc.")
    'Goldman Sachs Group Inc'
    """
    text = " ".join(name.replace("\u2019", "'").split())
    while (shorter := _CLASSES.sub("", text).strip()) != text and shorter:
        text = shorter
    words = [word.strip(".,;:()") for word in text.split()]
    if len(words) > 1 and words[0].lower() == "the":
        words = words[1:]
    return " ".join(word for word in words if word)


def without_last(name: str, endings: frozenset[str]) -> list[str]:
    """``name`` and what remains as its last words fall away while they are among ``endings``.

    Examples
    --------
    >>> without_last("Goldman Sachs Group Inc", LEGAL_FORMS | DESCRIPTIONS)
    ['Goldman Sachs Group Inc', 'Goldman Sachs Group', 'Goldman Sachs']
    """
    words, names = name.split(), [name]
    while len(words) > 1 and words[-1].lower().replace(".", "") in endings:
        words.pop()
        while len(words) > 1 and words[-1].lower() in {"&", "and"}:
            words.pop()
        names.append(" ".join(words))
    return names


def legal_name(name: str) -> str:
    """The name without share class and legal form, in lower case: equal for the classes of one company.

    Examples
    --------
    >>> legal_name("Alphabet Inc. Class A"), legal_name("Alphabet Inc. Class C")
    ('alphabet', 'alphabet')
    """
    return without_last(plain_name(name), LEGAL_FORMS)[-1].lower()


def spoken_names(name: str) -> tuple[str, ...]:
    """What headlines may call the company, the most exact first, each with its words as written.

    Examples
    --------
    >>> spoken_names("Micron Technology, Inc.")
    ('Micron Technology Inc', 'Micron Technology', 'Micron')
    >>> spoken_names("International Business Machines Corporation")[-2:]
    ('IBM', 'Big Blue')
    """
    names = without_last(plain_name(name), LEGAL_FORMS | DESCRIPTIONS)
    if names[-1].lower().endswith(".com"):
        names.append(names[-1][: -len(".com")])
    own = [short for short in names if " " in short or short.lower() not in NEVER_ALONE]
    aliases = [alias for short in names for alias in ALIASES.get(short.lower(), ())]
    return tuple(dict.fromkeys([*own, *aliases]))
