"""Write the TypeScript types of all that crosses to the browser, from `attnwidget.wire.schema`.

python scripts/wire_types.py            write js/src/wire/schema.ts
python scripts/wire_types.py --check    fail if it is not what would be written
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, UnsetType
from msgspec import inspect as types

from attnwidget.head_id import HeadId
from attnwidget.wire import schema

OUT = Path(__file__).parents[1] / "js" / "src" / "wire" / "schema.ts"
HEAD = """\
// Written by scripts/wire_types.py from src/attnwidget/wire/schema.py: change that file, and run `make types`.

/** A head by its numbers, both counted from 0. */
export type Head = [layer: number, head: number];
"""
SIMPLE = {
    types.BoolType: "boolean",
    types.IntType: "number",
    types.FloatType: "number",
    types.StrType: "string",
    types.NoneType: "null",
    types.AnyType: "unknown",
    types.BytesType: "ArrayBufferView | ArrayBuffer",
}


def name_of(kind: types.Type) -> str:  # noqa: PLR0911
    """Write a type as TypeScript has it."""
    match kind:
        case types.Metadata(type=inner, extra_json_schema=extra):
            return (extra or {}).get("ts") or name_of(inner)
        case types.StructType(cls=cls):
            return cls.__name__
        case types.NamedTupleType(cls=cls) if cls is HeadId:
            return "Head"
        case types.LiteralType(values=values):
            return " | ".join(f'"{value}"' for value in values)
        case types.UnionType(types=members):
            known = [one for one in members if not isinstance(one, types.CustomType) or one.cls is not UnsetType]
            return " | ".join(sorted(map(name_of, known), key=lambda name: name == "null"))
        case types.ListType(item_type=item):
            name = name_of(item)
            return f"({name})[]" if " | " in name else f"{name}[]"
        case types.TupleType(item_types=items):
            return f"[{', '.join(map(name_of, items))}]"
        case types.DictType(key_type=key, value_type=value):
            return f"Record<{name_of(key)}, {name_of(value)}>"
    return SIMPLE[type(kind)]


def told_of(kind: types.Type) -> str:
    """Return a field's description."""
    if not isinstance(kind, types.Metadata):
        return ""
    return (kind.extra_json_schema or {}).get("description", "") or told_of(kind.type)


def comment(text: str, indent: str = "") -> list[str]:
    """Write a description as a comment."""
    lines = inspect.cleandoc(text).splitlines() if text else []
    if len(lines) < 2:
        return [f"{indent}/** {line} */" for line in lines]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def interface(cls: type[Struct]) -> list[str]:
    """Write a struct as an interface: what it adds to its base."""
    info: Any = types.type_info(cls)
    base = cls.__bases__[0]
    from_base = set(getattr(base, "__struct_encode_fields__", ()))
    bare = not from_base and not base.__struct_config__.tag
    lines = [
        *comment(cls.__doc__ or ""),
        f"export interface {cls.__name__}{'' if bare else f' extends {base.__name__}'} {{",
    ]
    if info.tag is not None and cls is not schema.Request:
        lines.append(f'  {info.tag_field}: "{info.tag}";')
    for field in info.fields:
        if field.encode_name in from_base:
            continue
        has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
        # The kernel writes every field that has a default; a browser need not.
        is_there = field.required or (has_default and not issubclass(cls, schema.Request))
        optional = "" if is_there else "?"
        lines += comment(told_of(field.type), "  ")
        lines.append(f"  {field.encode_name}{optional}: {name_of(field.type)};")
    return [*lines, "}"]


def written() -> str:
    """Write the whole file."""
    structs = [one for one in vars(schema).values() if inspect.isclass(one) and issubclass(one, Struct)]
    structs = [one for one in structs if one not in {Struct, schema.Wired}]
    parts = [HEAD]
    parts += ["\n".join(interface(one)) + "\n" for one in structs]
    asks = [
        one.__struct_config__.tag for one in structs if issubclass(one, schema.Request) and one is not schema.Request
    ]
    requests = [one.__name__ for one in structs if issubclass(one, schema.Request) and one is not schema.Request]
    parts += [
        f"export type AnyRequest = {' | '.join(requests)};\n",
        f"export type Ask = {' | '.join(map(repr, asks))};\n".replace("'", '"'),
        *(
            f"export const {name} = [{', '.join(map(quoted, values))}] as const;\n"
            for name, values in {
                "TEXTS": schema.Texts.__struct_fields__,
                "SELECTION": schema.Selection.__struct_fields__,
                "STATES": schema.STATES,
                "LAB_CHOICE": schema.LabChoice.__struct_fields__,
                "VIEWS": schema.VIEWS,
            }.items()
        ),
        "/** The kernel's states by name. */\nexport interface KernelStates {\n"
        + "".join(f"  {name}: {kind.__name__};\n" for name, kind in schema.STATES.items())
        + "}\n",
    ]
    return "\n".join(parts)


def quoted(name: str) -> str:
    """Write a string."""
    return f'"{name}"'


if __name__ == "__main__":
    text = written()
    if "--check" not in sys.argv:
        OUT.write_text(text, encoding="utf-8")
    elif not OUT.exists() or OUT.read_text(encoding="utf-8") != text:
        sys.exit(f"{OUT.name} is not what wire/schema.py says: run `make types`")
