"""What differs between two states of a value, as the fields of an update: what stayed the same is not written again."""

from collections.abc import Sequence

import msgspec

from shared.mongo import Document


def of_list(name: str, before: Sequence[msgspec.Struct], after: Sequence[msgspec.Struct]) -> Document:
    """Return what to `$set` so that the stored list `name` becomes `after`; nothing when it is the same.

    Where every part stands in its place and only some of its fields moved, just these are written; a part that has lost
    a field is written whole. A list of another length is, too.
    """
    if len(before) != len(after):
        return {name: msgspec.to_builtins(after)}
    fields: Document = {}
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is new:
            continue
        both = zip(new.__struct_fields__, msgspec.structs.astuple(old), msgspec.structs.astuple(new), strict=True)
        moved = {field: content for field, known, content in both if content is not known and content != known}
        if msgspec.UNSET in moved.values():
            fields[f"{name}.{place}"] = msgspec.to_builtins(new)
            continue
        for field, content in moved.items():
            fields[f"{name}.{place}.{field}"] = msgspec.to_builtins(content)
    return fields
