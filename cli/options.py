"""Options of the commands; those that set a setting take default, unit, bounds and help from settings.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import SettingsError
from retrofr.refusals import refuse_option
from retrofr.settings import Settings, StageSettings, read_settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
HELP = "Help"
FORMATS = ("table", "csv", "jsonl", "json")
KEYFRAMES = "keyframes"  # as a rate: keyframes alone
STAGE_JOINT = "__"  # between stage and setting in a parameter's name


class Command(click.Command):
    """A command whose help shows its options under headings, in the order they were declared."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; an option that is missing for a reason is refused with that reason."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            refuse_option(error.option_name)
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            line = parameter.get_help_record(ctx)
            if line is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", HELP), []).append(line)
        sections[HELP] = sections.pop(HELP, [])  # last, wherever its options were declared
        for title, lines in sections.items():
            with formatter.section(title):
                formatter.write_dl(lines, col_max=26)


class Option(click.Option):
    """An option that stands under a heading of the help."""

    def __init__(self, *args: Any, section: str = HELP, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class PartName(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.5 on
    """The name of an interchangeable part; the shell completes it, the library checks it."""

    name = "name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from retrofr import registry  # brings importlib.metadata, which --help need not wait for

        head, plus, tail = incomplete.rpartition("+")
        names = (name for name in registry.names(self.kind) if name.startswith(tail))
        return [CompletionItem(head + plus + name) for name in names]


def setting_option(
    flag: str, stage: type[StageSettings], name: str, *, section: str, **extra: Any
) -> Callable[[Decorated], Decorated]:
    """A flag for one setting; what it holds is found by :func:`gather_settings`."""
    spec = next(field for field in dataclasses.fields(stage) if field.name == name)
    kinds = {"float": click.FLOAT, "float | None": click.FLOAT, "int": click.INT, "str": click.STRING}
    extra.setdefault("type", kinds[str(spec.type)])
    return click.option(
        flag,
        f"{stage.stage}{STAGE_JOINT}{name}",
        cls=Option,
        section=section,
        default=None,
        help=f"{spec.metadata['help']}{_limits(spec)}",
        **extra,
    )


def format_option(function: Decorated) -> Decorated:
    """``--format`` of a command that prints a result."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(FORMATS),
        default=None,
        cls=Option,
        section="Result",
        help="What to print on stdout.  [default table on a terminal, else jsonl]",
    )(function)


def device_option(section: str) -> Callable[[Decorated], Decorated]:
    """``--device`` of commands that run nets."""
    return click.option(
        "--device",
        default=None,
        metavar="auto|cpu|cuda[:N]",
        cls=Option,
        section=section,
        help="What to compute on. One that is asked for and not there is an error.  [default auto]",
    )


def settings_options(section: str, *, example: str) -> Callable[[Decorated], Decorated]:
    """``--settings`` and ``--set``, whose words go to :func:`gather_settings`."""

    def decorate(function: Decorated) -> Decorated:
        assignments = click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="STAGE.NAME=VALUE",
            cls=Option,
            section=section,
            help=f"Set any setting, for example {example}. Repeatable.",
        )
        file = click.option(
            "--settings",
            "settings_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            cls=Option,
            section=section,
            help="Read settings from a TOML file; flags go before it.",
        )
        return file(assignments(function))

    return decorate


def common_options(function: Decorated) -> Decorated:
    """What every command takes."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_switch_debug,
        cls=Option,
        help="Show the traceback of an error.",
    )(function)


def gather_settings(
    file: Path | None,
    assignments: Iterable[str],
    flags: Mapping[str, Any],
    base: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from a file, from ``--set`` and from flags: a flag goes before the file, the file before defaults.

    Args:
        file, assignments, flags: as they were given.
        base: nested values that stand in place of defaults.

    Raises:
        SettingsError: a name is unknown, a value is refused, or a flag and ``--set`` set the same thing.
    """
    values: dict[str, Any] = _laid_over(base or {}, read_settings(file) if file else {})
    given: dict[tuple[str, ...], Any] = {}
    for assignment in assignments:
        path, value = _parse_assignment(assignment)
        given[path] = value
    for name, value in flags.items():
        if value is None:
            continue
        path = tuple(name.split(STAGE_JOINT))
        if path in given:
            raise SettingsError(
                "is set twice, by its own flag and by --set", subject=".".join(path), hint="leave one out"
            )
        given[path] = value
    if given.get(("sampling", "rate")) == KEYFRAMES:
        del given["sampling", "rate"]
        given["sampling", "only_keyframes"] = True
    for path, value in given.items():
        _place(values, path, value)
    _check_parts(values)
    return Settings.from_mapping(values)


def _laid_over(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values``, and where they say nothing ``base``; table by table."""
    laid = {name: dict(value) if isinstance(value, Mapping) else value for name, value in base.items()}
    for name, value in values.items():
        under = laid.get(name)
        laid[name] = (
            _laid_over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
        )
    return laid


def _limits(spec: dataclasses.Field[Any]) -> str:
    unit, bounds = spec.metadata["unit"], spec.metadata["bounds"]
    notes = []
    if spec.default is not None:
        default = f"{spec.default:g}" if isinstance(spec.default, int | float) else spec.default
        notes.append(f"default {default} {unit}".rstrip())
    if bounds is not None:
        notes.append(f"{bounds[0]:g} to {bounds[1]:g}")
    return f"  [{'; '.join(notes)}]" if notes else ""


def _switch_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().command.debug = True  # type: ignore[attr-defined]


def _parse_assignment(text: str) -> tuple[tuple[str, ...], str]:
    name, equals, value = text.partition("=")
    path = tuple(name.strip().split("."))
    right_depth = path == ("device",) or len(path) == (3 if path[0] == "parts" else 2)
    if not equals or not right_depth or not all(path):
        raise SettingsError(
            "expected STAGE.NAME=VALUE",
            subject=f"--set {text}",
            hint="for example --set sampling.rate=5, or --set parts.yunet.NAME=VALUE for a setting of a part",
        )
    return path, value.strip()


def _place(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise SettingsError("expected a table of settings", subject=".".join(path[:-1]))
        values = inner
    values[path[-1]] = value


def _check_parts(values: Mapping[str, Any]) -> None:
    """A setting of a part that does not exist would be ignored in silence further on."""
    from retrofr import registry

    known = sorted(
        {name for kind in ("detectors", "embedders", "indexes", "engines") for name in registry.names(kind)}
    )
    parts = values.get("parts", {})
    if not isinstance(parts, Mapping):
        raise SettingsError("expected a table for each part", subject="parts")
    for name, table in parts.items():
        if name not in known:
            raise SettingsError(
                "no such part", subject=f"parts.{name}", hint=f"there are: {', '.join(known)}"
            )
        if not isinstance(table, Mapping):
            raise SettingsError("expected a table of settings", subject=f"parts.{name}")


def report_format_option(function: Any) -> Any:
    """``--format table|json`` of commands that report on this machine."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(("table", "json")),
        default="table",
        cls=Option,
        section="Result",
        help="What to print on stdout.  [default table]",
    )(function)
