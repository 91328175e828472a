"""The kinds of values that settings are made of, with the bounds that several sections share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr, Strict

from nextgen_resources.settings.frozen_mapping import FrozenMapping

FIRST_DAY, LAST_DAY = date(1994, 1, 1), date(2035, 12, 31)
_SECRET_WORDS = ("key", "secret", "token", "password", "credential")


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys and never quotes its input in an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False, validate_default=True
    )


def looks_secret(name: str) -> bool:
    """Whether a key's name suggests that its value must not be shown."""
    return any(word in name.lower() for word in _SECRET_WORDS)


Item = TypeVar("Item")


def _without_repeats(items: tuple[Item, ...]) -> tuple[Item, ...]:
    repeated = sorted({str(item) for item in items if items.count(item) > 1})
    if repeated:
        raise ValueError(f"each entry may occur once, found repeated: {', '.join(repeated)}")
    return items


def _without_secrets(options: Mapping[str, Any]) -> FrozenMapping[Any]:
    secrets = sorted(key for key in options if looks_secret(key))
    if secrets:
        raise ValueError(
            f"options are shown and hashed, so they may hold no secret, found {', '.join(secrets)}; "
            "put it in the section credentials"
        )
    return FrozenMapping(options)


def _cents_exact(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.000001"))


def _plain_decimal(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


WholeNumber = Annotated[int, Strict()]
RealNumber = Annotated[float, Strict()]
Fraction = Annotated[float, Strict(), Field(ge=0, le=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
PositiveFraction = Annotated[float, Strict(), Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Names = Annotated[tuple[Name, ...], AfterValidator(_without_repeats)]
Ticker = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.\-]{0,9}$")]
Tickers = Annotated[tuple[Ticker, ...], Field(min_length=1), AfterValidator(_without_repeats)]
CalendarDay = Annotated[
    date,
    Field(ge=FIRST_DAY, le=LAST_DAY, json_schema_extra={"minimum": str(FIRST_DAY), "maximum": str(LAST_DAY)}),
]
UsDollars = Annotated[
    Decimal,
    Field(max_digits=20, decimal_places=6),
    AfterValidator(_cents_exact),
    PlainSerializer(_plain_decimal, return_type=str, when_used="json"),
]
_OptionScalar = Annotated[bool, Strict()] | Annotated[int, Strict()] | Annotated[float, Strict()] | str
Options = Annotated[
    Mapping[Name, _OptionScalar | tuple[_OptionScalar, ...]],
    AfterValidator(_without_secrets),
    PlainSerializer(dict, return_type=dict[str, Any]),
]
Weights = Annotated[
    Mapping[Name, Annotated[float, Strict(), Field(ge=0, le=100)]],
    AfterValidator(FrozenMapping),
    PlainSerializer(dict, return_type=dict[str, float]),
]
Rates = Annotated[
    Mapping[Name, Annotated[float, Strict(), Field(gt=0, le=60_000)]],
    AfterValidator(FrozenMapping),
    PlainSerializer(dict, return_type=dict[str, float]),
]
Budgets = Annotated[
    Mapping[Name, Annotated[int, Strict(), Field(ge=1, le=10_080)]],
    AfterValidator(FrozenMapping),
    PlainSerializer(dict, return_type=dict[str, int]),
]
