import json

import jsonschema
import msgspec
import pytest
from hypothesis import given

from tests.unit.wire.records import measurements
from tools import schemas as generator
from wire import codec
from wire.kinds import kinds
from wire.schemas import schemas

_validators = {
    name: jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for name, schema in schemas().items()
}


@given(measurements())
def test_every_record_fits_its_schema(measurement):
    _validators[measurement.kind].validate(json.loads(codec.encode_record(measurement)))


def test_a_record_of_one_kind_does_not_fit_another(record):
    with pytest.raises(jsonschema.ValidationError):
        _validators["video"].validate(json.loads(codec.encode_record(record)))


@pytest.mark.parametrize(("probe", "fits"), [("dn-01", True), ("DN_01", False), ("-dn", False)])
def test_a_probes_name_is_in_the_schema(record, probe, fits):
    said = json.loads(codec.encode_record(record)) | {"probe": probe}
    assert _validators[record.kind].is_valid(said) is fits


def test_the_shipped_schemas_are_those_of_today():
    shipped = {path.name: path.read_text() for path in generator.FOLDER.glob("*.schema.json")}
    assert shipped == generator.texts(), "run `make schemas`"


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.name)
def test_every_kind_is_frozen_documented_and_numbered(kind):
    assert kind.payload.__struct_config__.frozen
    assert kind.payload.__doc__
    assert kind.schema >= 1
    for field in msgspec.structs.fields(kind.payload):
        assert not field.name.startswith("_")
