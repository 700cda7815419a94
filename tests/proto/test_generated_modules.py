"""The generated modules are those that the generator writes, with the names of the .proto files."""

from __future__ import annotations

import enum
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lktrio.proto
from lktrio import proto
from lktrio.proto._schema import schema_of
from lktrio.proto.livekit import MODULES
from tests.proto.oracle import DESCRIPTORS, our_class
from tests.support.cases import each_case

GENERATOR = Path(lktrio.proto.__file__).parent / "_generate.py"


def test_modules_are_up_to_date() -> None:
    pytest.importorskip("betterproto2_compiler", reason="the generator needs it")
    done = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_module_that_drifted_is_named(tmp_path: Path) -> None:
    pytest.importorskip("betterproto2_compiler", reason="the generator needs it")
    package = tmp_path / "lktrio"
    shutil.copytree(Path(lktrio.proto.__file__).parents[1], package)
    changed = package / "proto" / "livekit" / "livekit_room.py"
    changed.write_text(changed.read_text("utf-8").replace("empty_timeout", "empty_timeouts"))
    command = [sys.executable, str(package / "proto" / "_generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if "out of date" in line]
    assert told == [f"{changed} is out of date: run _generate.py"]


@each_case("name", DESCRIPTORS)
def test_fields_have_the_names_of_the_proto_file(name: str) -> None:
    fields = schema_of(our_class(name)).fields
    expected = [(field.number, field.name) for field in DESCRIPTORS[name].fields]
    assert [(field.number, field.name) for field in fields] == sorted(expected)


@each_case("name", DESCRIPTORS)
def test_enums_have_the_names_of_the_proto_file(name: str) -> None:
    cls = our_class(name)
    in_file = DESCRIPTORS[name].file.enum_types_by_name.values()
    nested = {found.name: getattr(cls, found.name) for found in DESCRIPTORS[name].enum_types}
    top_level = {found.name: getattr(sys.modules[cls.__module__], found.name) for found in in_file}
    for found in (
        *DESCRIPTORS[name].enum_types,
        *DESCRIPTORS[name].file.enum_types_by_name.values(),
    ):
        ours = (nested if found.containing_type else top_level)[found.name]
        assert issubclass(ours, enum.IntEnum)
        assert {k: int(v) for k, v in ours.__members__.items()} == {
            value.name: value.number for value in found.values
        }


def test_every_name_is_reached_through_the_package() -> None:
    for name, found in DESCRIPTORS.items():
        if found.file.package == "livekit":
            path = name.removeprefix("livekit.").split(".")
            value: object = proto
            for part in path:
                value = getattr(value, part)
            assert value is our_class(name)


def test_names_that_do_not_exist_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchMessage"):
        getattr(proto, "NoSuchMessage")  # noqa: B009 - a type checker knows better


def test_type_checkers_see_every_module() -> None:
    source = Path(proto.__file__).read_text("utf-8")
    for module in MODULES:
        assert f"from lktrio.proto.livekit.{module} import *" in source
