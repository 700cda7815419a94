"""Generate the message modules of `lktrio.proto.livekit`.

Usage::

    python lktrio/proto/_generate.py            # write the modules
    python lktrio/proto/_generate.py --check    # fail if they are not up to date

Needs the dependency group ``proto`` (``livekit-protocol``, ``betterproto2_compiler``) and ruff; no
``protoc``. LiveKit's Python package carries the compiled descriptors of its .proto files. They are
put into the ``CodeGeneratorRequest`` that ``protoc`` would make and handed to betterproto2's
compiler, whose one module per protobuf package is then cut into one module per .proto file.

What is changed on the way, so that LiveKit's documentation stays greppable:

- Names are those of the .proto files: ``CreateSIPTrunkRequest``, ``aliOSS``, and enum values
  with their prefixes.
- A nested type is a nested class: ``ParticipantInfo.State``.
- Deprecated fields give no warnings: the development server has to fill them in, and a decoder
  cannot choose what it is sent.
- ``google.protobuf`` Timestamp and Duration fields are ``datetime`` and ``timedelta``, as always
  with betterproto2.

A few services are missing in that package; `_supplement` describes their messages.
This module is never imported by the library.
"""

# The compiler and the descriptors are untyped.
# mypy: ignore-errors
# pyright: basic, reportMissingModuleSource=false

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import betterproto2_compiler.plugin.models as models
from betterproto2_compiler.compile.importing import parse_source_type_name
from betterproto2_compiler.known_types import WRAPPED_TYPES
from betterproto2_compiler.lib.google.protobuf.compiler import CodeGeneratorRequest
from betterproto2_compiler.plugin.parser import generate_code
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.compiler import plugin_pb2

OUTPUT = Path(__file__).parent / "livekit"
PACKAGES = ("livekit", "livekit.agent", "google.protobuf")
EXCLUDED = {"google/protobuf/descriptor.proto"}
GOOGLE_MODULE = "google_protobuf"
ISORT = ("--config", "lint.isort.known-first-party=['lktrio']")
INHERITED = "load"  # field names that are also methods of betterproto2 messages
HEADER = '"""Generated from {sources} by lktrio/proto/_generate.py. Do not edit."""'


def main() -> int:
    """Write or check the modules; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if a module is out of date")
    arguments = parser.parse_args()
    modules = render(load_files())
    if arguments.check:
        return check(modules)
    OUTPUT.mkdir(exist_ok=True)
    for stale in OUTPUT.glob("*.py"):
        if stale.name not in modules:
            stale.unlink()
    for name, text in modules.items():
        (OUTPUT / name).write_text(text, encoding="utf-8")
    return 0


def check(modules: dict[str, str]) -> int:
    """Compare the modules with the files; 1 if anything differs."""
    found = {path.name: path.read_text(encoding="utf-8") for path in OUTPUT.glob("*.py")}
    drifted = sorted(
        name for name in modules.keys() | found.keys() if modules.get(name) != found.get(name)
    )
    for name in drifted:
        sys.stderr.write(f"{OUTPUT / name} is out of date: run {Path(__file__).name}\n")
    return 1 if drifted else 0


def load_files() -> list[descriptor_pb2.FileDescriptorProto]:
    """The descriptors of every LiveKit .proto file and what they need, dependencies first."""
    # As a script, this folder is on the path, and its ``livekit`` would hide LiveKit's package.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != OUTPUT.parent]
    sys.path.insert(0, str(OUTPUT.parents[2]))
    import livekit.protocol as package

    from lktrio.proto import _supplement

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    _supplement.register(descriptor_pool.Default())
    names = {
        module.DESCRIPTOR.name
        for name, module in list(sys.modules.items())
        if name.startswith("livekit.protocol.") and hasattr(module, "DESCRIPTOR")
    }
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for name in sorted(names | set(_supplement.FILE_NAMES)):
        _visit(descriptor_pool.Default().FindFileByName(name), ordered)
    return list(ordered.values())


def _visit(found: Any, ordered: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    if found.name in ordered or found.name in EXCLUDED:
        return
    for dependency in found.dependencies:
        _visit(dependency, ordered)
    if found.package in PACKAGES:
        proto = descriptor_pb2.FileDescriptorProto()
        found.CopyToProto(proto)
        proto.source_code_info.SetInParent()
        ordered[found.name] = proto


def compile_packages(files: list[descriptor_pb2.FileDescriptorProto]) -> dict[str, str]:
    """Run betterproto2's compiler; the text of one module per protobuf package."""
    request = plugin_pb2.CodeGeneratorRequest(
        file_to_generate=[proto.name for proto in files], proto_file=files
    )
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    _keep_proto_names()
    response = generate_code(CodeGeneratorRequest.parse(request.SerializeToString()))
    return {output.name: output.content for output in response.file}


def _keep_proto_names() -> None:
    """Have the compiler keep the names of the .proto files."""

    def type_reference(**arguments: Any) -> str:
        package, name = parse_source_type_name(arguments["source_type"], arguments["request"])
        wrapped = WRAPPED_TYPES.get((package, name)) if arguments.get("wrap", True) else None
        return wrapped or name

    patched: Any = models
    patched.pythonize_class_name = lambda name: name.replace(".", "")
    patched.pythonize_field_name = lambda name: name
    patched.get_type_reference = type_reference
    patched.KNOWN_METHODS = {}
    patched.EnumDefinitionCompiler.__post_init__ = _plain_entries
    patched.FieldCompiler.deprecated = property(lambda _: False)
    patched.MessageCompiler.deprecated = property(lambda _: False)


def _plain_entries(enum: models.EnumDefinitionCompiler) -> None:
    enum.entries = [
        enum.EnumEntry(name=value.name, proto_name=value.name, value=value.number, comment="")
        for value in enum.proto_obj.value
    ]


@dataclass
class Module:
    """One module to write, made of one .proto file (all of google.protobuf together)."""

    name: str
    package: str
    sources: list[str] = field(default_factory=list)
    types: list[Type] = field(default_factory=list)


@dataclass
class Type:
    """A message or enum."""

    name: str
    flat_name: str
    """What the compiler calls it: ``ParticipantInfoState``."""
    nested: list[Type] = field(default_factory=list)


def render(files: list[descriptor_pb2.FileDescriptorProto]) -> dict[str, str]:
    """The text of every module, by file name."""
    classes = {
        package: _class_sources(text)
        for package, text in (
            (package, text)
            for path, text in compile_packages(files).items()
            for package in PACKAGES
            if path == f"{package.replace('.', '/')}/__init__.py"
        )
    }
    modules = _plan_modules(files)
    texts = {
        f"{module.name}.py": _render_module(module, classes[module.package], modules)
        for module in modules.values()
        if module.types
    }
    texts["__init__.py"] = _render_index(modules)
    return {name: _format(text) for name, text in sorted(texts.items())}


def _class_sources(text: str) -> dict[str, str]:
    """Class name to source text, decorator included, of a module that the compiler made."""
    lines = text.splitlines()
    sources: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            sources[node.name] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return sources


def _plan_modules(files: list[descriptor_pb2.FileDescriptorProto]) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for proto in files:
        stem = Path(proto.name).stem
        name = GOOGLE_MODULE if proto.package == "google.protobuf" else stem
        module = modules.setdefault(name, Module(name, proto.package))
        module.sources.append(proto.name)
        module.types += [Type(enum.name, enum.name) for enum in proto.enum_type]
        module.types += [_message_type(item, "") for item in proto.message_type]
    return modules


def _message_type(item: descriptor_pb2.DescriptorProto, prefix: str) -> Type:
    flat_name = prefix + item.name
    nested = [Type(enum.name, flat_name + enum.name) for enum in item.enum_type]
    nested += [
        _message_type(inner, flat_name) for inner in item.nested_type if not inner.options.map_entry
    ]
    return Type(item.name, flat_name, nested)


def _render_module(module: Module, sources: dict[str, str], modules: dict[str, Module]) -> str:
    text = "\n\n\n".join(_rewrite(item, sources) for item in module.types)
    header = [
        HEADER.format(sources=", ".join(module.sources)),
        "from __future__ import annotations",
        "import builtins\nimport datetime\nimport betterproto2",
        "from lktrio.proto._message import Message, message",
        *_imports(module, text, modules),
        f"__all__ = {tuple(sorted(item.name for item in module.types))!r}",
    ]
    return "\n".join(header) + "\n\n\n" + text + "\n"


def _rewrite(item: Type, sources: dict[str, str]) -> str:
    """One class as the compiler wrote it, turned into ours, with its nested classes."""
    source = re.sub(r"\n\n+", "\n", sources[item.flat_name])
    _, _, body = source.partition("\n")
    if "(betterproto2.Enum)" in source:
        return f"class {item.name}(betterproto2.Enum):\n{body}"
    found = re.match(r'    """.*?"""\n', body, flags=re.DOTALL)
    docstring = found[0] if found else ""
    body = body.removeprefix(docstring)
    names = re.findall(r"- (\w+):", docstring)
    if names:
        docstring = "\n".join(
            f"    Of the fields of ``{name}`` at most one is set." for name in names
        )
        docstring = f'    """{docstring.strip()}' + ("\n    " if len(names) > 1 else "") + '"""\n'
    nested = "".join(
        textwrap.indent(_rewrite(inner, sources), "    ") + "\n\n" for inner in item.nested
    )
    body = re.sub(r'(?m)^(    \w+): "(.+)" = ', r"\1: \2 = ", body)
    body = re.sub(rf"(?m)^    ({INHERITED}): .*$", r"\g<0>  # type: ignore[assignment]", body)
    body = "" if nested and body.strip() == "pass" else body
    return f"@message\nclass {item.name}(Message):\n{docstring}\n{nested}{body}"


def _imports(module: Module, text: str, modules: dict[str, Module]) -> Iterator[str]:
    """Imports of the types of other modules that ``text`` mentions, its own package's first."""
    words = set(re.findall(r"\w+", text)) - {item.name for item in module.types}
    for other in sorted(modules.values(), key=lambda other: other.package != module.package):
        used = sorted(words & {item.name for item in other.types}) if other is not module else []
        if used:
            words -= set(used)
            yield f"from lktrio.proto.livekit.{other.name} import {', '.join(used)}"


def _render_index(modules: dict[str, Module]) -> str:
    entries = {
        module.name: tuple(sorted(item.name for item in module.types))
        for module in modules.values()
        if module.types and module.package != "livekit.agent"
    }
    return (
        '"""LiveKit\'s protocol messages, one module per .proto file.\n\n'
        "Generated by lktrio/proto/_generate.py. Do not edit. Use the names through "
        '`lktrio.proto`.\n"""\n\n'
        "from __future__ import annotations\n\n"
        "MODULES: dict[str, tuple[str, ...]] = " + repr(dict(sorted(entries.items()))) + "\n"
    )


def _format(text: str) -> str:
    for command in (
        ["check", "--isolated", "--select", "I,F401", "--fix", "--silent", *ISORT, "-"],
        ["format", "--isolated", "--line-length", "100", "-"],
    ):
        text = subprocess.check_output(["ruff", *command], input=text, encoding="utf-8")  # noqa: S603, S607 - our own tool, found in this environment
    return text


if __name__ == "__main__":
    sys.exit(main())
