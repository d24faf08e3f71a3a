"""Validates documents against a JSON schema: the part of draft 2020-12 that docs/*.schema.json use, and no more.

A keyword that is not known here is an error, never passed over.  (Debian bullseye's python3-jsonschema knows no draft after 7.)
"""
import collections
import re

SILENT = {"$schema", "$defs", "title", "description"}
KEYWORDS = SILENT | {"$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items", "maxItems",
                     "minimum", "pattern"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


class Schema:
    def __init__(self, document):
        self.document = document
        self.seen = collections.Counter()  # (place in the schema, what was there): how often it was met

    def problems(self, value, schema=None, path="$", place="#"):
        """Sentences about what is wrong with the value; none where it is valid."""
        schema = self.document if schema is None else schema
        found = [f"{place}: unknown keyword {keyword}" for keyword in schema if keyword not in KEYWORDS]
        if "$ref" in schema:
            found += self.problems(value, self.resolve(schema["$ref"]), path, schema["$ref"])
        if "type" in schema and not self.has_type(value, schema["type"]):
            return found + [f"{path}: {value!r} is no {schema['type']}"]
        if "enum" in schema:
            self.seen[place, value if isinstance(value, str) else repr(value)] += 1
            if value not in schema["enum"]:
                found.append(f"{path}: {value!r} is none of {schema['enum']}")
        if "const" in schema and value != schema["const"]:
            found.append(f"{path}: {value!r} is not {schema['const']!r}")
        if "minimum" in schema and value < schema["minimum"]:
            found.append(f"{path}: {value!r} is less than {schema['minimum']}")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{path}: {value!r} does not match {schema['pattern']}")
        if isinstance(value, dict):
            found += self.object_problems(value, schema, path, place)
        if isinstance(value, list):
            if len(value) > schema.get("maxItems", len(value)):
                found.append(f"{path}: {len(value)} items are more than {schema['maxItems']}")
            for number, item in enumerate(value):
                found += self.problems(item, schema.get("items", {}), f"{path}[{number}]", f"{place}/items")
        return found

    def object_problems(self, value, schema, path, place):
        found = [f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value]
        properties = schema.get("properties", {})
        for name, member in value.items():
            if name in properties:
                self.seen[place, name] += 1
                found += self.problems(member, properties[name], f"{path}.{name}", f"{place}/properties/{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}: {name} is not in the schema")
            else:
                found += self.problems(member, schema.get("additionalProperties", {}), f"{path}.{name}",
                                       f"{place}/additionalProperties")
        return found

    def resolve(self, reference):
        schema = self.document
        for part in reference.split("/")[1:]:
            schema = schema[part]
        return schema

    @staticmethod
    def has_type(value, name):
        return isinstance(value, TYPES[name]) and (isinstance(value, bool) == (name == "boolean"))

    def parts(self, schema=None, place="#"):
        """Every schema in the document with its place."""
        schema = self.document if schema is None else schema
        yield place, schema
        for name in ("properties", "$defs"):
            for key, part in schema.get(name, {}).items():
                yield from self.parts(part, f"{place}/{name}/{key}")
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                yield from self.parts(schema[name], f"{place}/{name}")

    def loose_ends(self):
        """What the schema leaves open: objects that allow anything, members and lists that say nothing of themselves."""
        for place, schema in self.parts():
            if schema.get("type") == "object" and "additionalProperties" not in schema:
                yield f"{place} allows any member"
            if schema.get("type") == "array" and "items" not in schema:
                yield f"{place} allows any item"
            for name in schema.get("required", []):
                if name not in schema.get("properties", {}):
                    yield f"{place} requires {name}, which it does not describe"
            for name, member in schema.get("properties", {}).items():
                target = self.resolve(member["$ref"]) if "$ref" in member else member
                if not (member.get("description") or target.get("description")):
                    yield f"{place}/properties/{name} has no description"

    def unseen(self):
        """Members and values of enumerations that no validated document had."""
        for place, schema in self.parts():
            for name in list(schema.get("properties", {})) + schema.get("enum", []):
                if not self.seen[place, name]:
                    yield f"{place}: {name}"
