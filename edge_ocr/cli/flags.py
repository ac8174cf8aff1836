"""What several commands share: flags, and the settings that they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_ocr import arguments
from edge_ocr.errors import ConfigError
from edge_ocr.types import Kind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from edge_ocr.config import Settings


def command(commands: Any, name: str, run: Any, says: str) -> argparse.ArgumentParser:
    """A command with its help, the function that runs it, and --json."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print one line of JSON a result")
    return parser


def reading_flags(parser: argparse.ArgumentParser) -> None:
    """What is read, and by whose formats."""
    parser.add_argument("--kind", choices=[str(kind) for kind in Kind], help="what to read (default plate)")
    parser.add_argument(
        "--region", type=arguments.regions, metavar="R,...", help="plate formats to expect, such as us,eu"
    )
    parser.add_argument(
        "--language",
        type=arguments.name,
        metavar="L",
        help="whose words are likelier than other texts on signs: en, a vocabulary's file, or none "
        "(default: the recogniser's own)",
    )


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of --config, or the defaults, with what the other flags say instead.

    Raises:
        ConfigError: the file or a combination of flags is wrong.

    """
    from edge_ocr import config  # noqa: PLC0415

    settings = config.Settings() if args.config is None else config.load(args.config)
    if getattr(args, "kind", None) is not None:
        settings = replace(settings, kind=Kind(args.kind))
    if getattr(args, "region", None) is not None:
        settings = replace(settings, regions=args.region)
    if getattr(args, "language", None) is not None:
        settings = replace(settings, language=args.language)
    if args.store is not None:
        settings = replace(settings, store=replace(settings.store, folder=args.store))
    check_regions(settings.kind, settings.regions)
    check_language(settings.kind, settings.language)
    return settings


def check_regions(kind: Kind, regions: Sequence[str] | None) -> None:
    """Refuse plate formats for what is no plate.

    Raises:
        ConfigError: there are some.

    """
    if regions is not None and kind is not Kind.PLATE:
        raise ConfigError(f"kind {kind} has no regions, which are plate formats; leave out the kind or the regions")


def check_language(kind: Kind, language: str | None) -> None:
    """Refuse a language for what is no word.

    Raises:
        ConfigError: there is one.

    """
    if language is not None and kind not in {Kind.SIGN, Kind.WORD}:
        raise ConfigError(
            f"kind {kind} has no language, which is for sign and word; leave out the kind or the language"
        )
