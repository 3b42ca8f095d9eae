"""Checked input from people: what every part of a file or a control call has in common, and errors that help."""

import difflib
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """Keys and values in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def explain(model: type[BaseModel], wrong: ValidationError) -> list[str]:
    """A line for each thing that is wrong: `key: what`, with the nearest known key for an unknown one."""
    return [_explained(model, error) for error in wrong.errors()]


def nearest(key: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown key."""
    known = sorted(known)
    close = difflib.get_close_matches(key, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _explained(model: type[BaseModel], error: Any) -> str:  # noqa: ANN401  pydantic's own shape of an error
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key{nearest(str(error['loc'][-1]), _known_keys(model, error['loc'][:-1]))}"
    text = error["msg"].removeprefix("Value error, ")
    return f"{key}: {text}" if key else text


def _known_keys(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at this place."""
    section = model
    for part in where:
        if isinstance(part, str) and part in section.model_fields:
            section = _model_in(section.model_fields[part].annotation) or section
    return list(section.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401  a type expression
    """The model that a field's type is or holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for row in typing.get_args(annotation) if (found := _model_in(row))), None)
