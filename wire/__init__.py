"""The language every side of dosong speaks: records, batches, topics and bands. No I/O."""
