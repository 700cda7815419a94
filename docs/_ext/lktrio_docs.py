"""What the documentation takes from the code beside docstrings.

``.. service-methods:: lktrio.api.RoomService`` lists the methods of a server API, from the table
that the calls use. ``.. command-help:: token create`` shows what ``lktrio token create --help``
prints. When everything is read, each public name must have been documented somewhere.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from lktrio.api._twirp import Grant, Method
from lktrio.cli import build_parser
from lktrio.proto._schema import schema_of

PUBLIC_MODULES = (
    "lktrio",
    "lktrio.auth",
    "lktrio.devserver",
    "lktrio.errors",
    "lktrio.events",
    "lktrio.media",
    "lktrio.proto.codec",
    "lktrio.room",
    "lktrio.webhooks",
)
"""Modules whose ``__all__`` must be documented, under their own name or that of the package."""

_HELP_WIDTH = "88"
_CONTEXT_MANAGER = re.compile(r"AsyncGenerator\[(.+?)(?:, None)?\]$")

logger = logging.getLogger(__name__)


class ServiceMethods(SphinxDirective):
    """Describes every method in the table of a service."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the descriptions from the class that is named."""
        module, _, name = self.arguments[0].rpartition(".")
        service = getattr(import_module(module), name)
        lines: list[str] = []
        for attribute, method in vars(service).items():
            if isinstance(method, Method):
                lines += _describe(f"{name}.{attribute}", method)
        return self.parse_text_to_nodes("\n".join(lines))


def _describe(name: str, method: Method[Any, Any]) -> list[str]:
    fields = ", ".join(f"``{field.name}``" for field in schema_of(method.request).fields)
    request, response = method.request.__name__, method.response.__name__
    return [
        f".. py:method:: {name}(request: {request}, /) -> {response}",
        "   :async:",
        "",
        f"   {method.name}; signs its token with {_grant(method.grant)}.",
        "",
        f"   {request}: {fields or 'no fields'}.",
        "",
    ]


def _grant(grant: Grant) -> str:
    names = list(_set_fields(grant))
    if grant.room:
        names.append("``room_admin`` for the room")
    if grant.destination:
        names.append("``destination_room``")
    return " and ".join(names)


def _set_fields(grant: Grant) -> Iterator[str]:
    for family in ("video", "sip", "agent"):
        grants = getattr(grant, family)
        for field in dataclasses.fields(grants) if grants is not None else ():
            if getattr(grants, field.name):
                yield f"``{family}.{field.name}``"


class CommandHelp(SphinxDirective):
    """Shows the help text of a command."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Format the help at a fixed width."""
        words = self.arguments[0].split() if self.arguments else []
        os.environ.update(COLUMNS=_HELP_WIDTH, NO_COLOR="1")
        text = build_parser(words).format_help()
        return [nodes.literal_block(text, text, language="text")]


def guard_attribute(
    _app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Keep napoleon from taking what stands before a colon for the type of an attribute."""
    if what in ("attribute", "property", "data") and lines and ":" in lines[0]:
        lines.insert(0, "\\ ")  # shows nothing


def tidy_signature(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, arguments: str, returned: str
) -> tuple[str, str] | None:
    """Show what a context manager is entered for, not the generator behind it."""
    found = _CONTEXT_MANAGER.match(returned or "")
    return (arguments, found.group(1)) if found else None


def check_public_names(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn about public names that no page documents, under whichever name."""
    documented = set(env.domains["py"].data["objects"])
    public = list(_public_names())
    shown = [value for names, value in public if names & documented]
    for names, value in public:
        if not any(value is other for other in shown):
            logger.warning("%s is public and not documented", " or ".join(sorted(names)))


def _public_names() -> Iterator[tuple[set[str], object]]:
    """The names that each public object may be documented under."""
    for module_name in PUBLIC_MODULES:
        module = import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value) and not name.startswith("__"):
                yield {f"{module_name}.{name}", f"lktrio.{name}"}, value


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("service-methods", ServiceMethods)
    app.add_directive("command-help", CommandHelp)
    app.connect("autodoc-process-docstring", guard_attribute, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", tidy_signature)
    app.connect("env-check-consistency", check_public_names)
    return {"parallel_read_safe": True}
